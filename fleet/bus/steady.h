/* Waits of librdkafka that do not follow the wall clock: see steady.c. */
#pragma once
/* Call it before the first client is made; what it is for lies in its file, which it brings into the program. */
void steady_begin(void);
