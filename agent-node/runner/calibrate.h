/* What a device reaches with kernels of our own: the roofs that the speed of light is computed from. Trusted code only
 * runs here, so this process's clock will do. Takes about two seconds. */
#pragma once
#include "agent-node/backend/backend.h"
/* A backend's own calibrate() goes first, where it has one. */
int calibrate(const struct device_backend *b, struct backend_device *d, struct calibration *ret, struct error *err);
