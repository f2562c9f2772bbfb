/* A TCP relay that goes wrong on demand: between clients and a broker, which advertises the relay's port.
 *
 *     relay LISTEN_PORT TARGET_PORT        both on 127.0.0.1; commands on standard input, one a line, each answered by
 * a line
 *
 *   cut                    reset all connections; new ones are accepted
 *   cut MS                 the same every MS milliseconds, until `resume`
 *   refuse                 reset all connections, and new ones at once
 *   swallow                half-open: connections stay and are accepted, what comes is read and goes nowhere. Who was
 * met by it is reset at `resume`, since bytes are missing stall up|down|both     what goes to (up) or comes from (down)
 * the target waits, and follows at `resume` delay MS [JITTER_MS]   everything arrives so much later, in order bandwidth
 * BYTES        at most so many bytes a second and direction, over all connections; 0: no limit status nothing but the
 * answer resume                 as at the start
 *
 * The answer: "COMMAND: N open, N accepted, N reset, N bytes up, N down". Ends with the end of its input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"

#define CONNECTIONS_MAX 1024
#define CHUNK_SIZE 16384
#define QUEUED_MAX (4 * 1024 * 1024) /* bytes waiting in one direction of a connection */
#define LINE_SIZE 128

struct chunk {
    struct chunk *next;
    int64_t due_ms;
    size_t len, sent;
    char data[];
};
/* One direction: what was read from `from` waits here for `to`. */
struct flow {
    struct chunk *first, **last;
    size_t queued;
    bool ended; /* `from` sends no more */
};
enum direction { UP, DOWN };
struct connection {
    int fd[2]; /* UP reads fd[0] and writes fd[1]; DOWN the other way round */
    struct flow flow[2];
    bool swallowed; /* bytes are missing: of no use any more */
    bool connecting;
};

static struct {
    uint16_t target_port;
    int listener;
    struct connection *connection[CONNECTIONS_MAX];
    size_t count;
    long accepted, reset, bytes[2];
    bool refuse, swallow, stall[2];
    long delay_ms, jitter_ms, bandwidth, cut_every_ms;
    int64_t cut_due_ms;
    double allowance[2]; /* bytes that may be sent now, where bandwidth is limited */
    int64_t allowance_ms;
} relay;

/* --- connections ------------------------------------------------------------------------------------------------- */
static void flow_done(struct flow *flow) {
    while (flow->first) {
        struct chunk *chunk = flow->first;
        flow->first = chunk->next;
        free(chunk);
    }
}

/* A reset rather than an orderly end: this is how a cut shows itself. */
static void reset_fd(int fd) {
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

static void drop(size_t i, bool reset) {
    struct connection *c = relay.connection[i];
    for (int side = 0; side < 2; side++) {
        if (reset)
            reset_fd(c->fd[side]);
        else
            close(c->fd[side]);
        flow_done(&c->flow[side]);
    }
    relay.reset += reset;
    free(c);
    relay.connection[i] = relay.connection[--relay.count];
}

static void cut_all(void) {
    while (relay.count > 0) drop(relay.count - 1, true);
}

static int dial(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(relay.target_port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static void welcome(void) {
    int fd = accept4(relay.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0) return;
    int target = relay.refuse || relay.count == CONNECTIONS_MAX ? -1 : dial();
    relay.accepted++;
    if (target < 0) {
        reset_fd(fd);
        relay.reset++;
        return;
    }
    struct connection *c = xcalloc(1, sizeof *c);
    c->fd[0] = fd;
    c->fd[1] = target;
    c->connecting = true;
    for (int d = 0; d < 2; d++) {
        setsockopt(c->fd[d], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->flow[d].last = &c->flow[d].first;
    }
    relay.connection[relay.count++] = c;
}

/* --- bytes ------------------------------------------------------------------------------------------------------- */
static void enqueue(struct flow *flow, const char *data, size_t len, int64_t now_ms) {
    struct chunk *chunk = xmalloc(sizeof *chunk + len);
    long jitter = relay.jitter_ms > 0 ? random() % (relay.jitter_ms + 1) : 0;
    *chunk = (struct chunk){.due_ms = now_ms + relay.delay_ms + jitter, .len = len};
    memcpy(chunk->data, data, len);
    *flow->last = chunk;
    flow->last = &chunk->next;
    flow->queued += len;
}

/* False when the connection is at its end. */
static bool take(struct connection *c, enum direction d, int64_t now_ms) {
    char data[CHUNK_SIZE];
    struct flow *flow = &c->flow[d];
    ssize_t n = recv(c->fd[d], data, sizeof data, 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) {
        flow->ended = true;
        return true;
    }
    if (relay.swallow)
        c->swallowed = true;
    else
        enqueue(flow, data, (size_t)n, now_ms);
    return true;
}

static bool limited(enum direction d) {
    return relay.bandwidth > 0 && relay.allowance[d] < 1;
}

/* The first chunk whose time has come; NULL where nothing may go. */
static struct chunk *ready(const struct connection *c, enum direction d, int64_t now_ms) {
    struct chunk *chunk = c->flow[d].first;
    bool held = relay.stall[d] || relay.swallow || c->connecting || limited(d);
    return !held && chunk && chunk->due_ms <= now_ms ? chunk : NULL;
}

static bool give(struct connection *c, enum direction d, int64_t now_ms) {
    struct flow *flow = &c->flow[d];
    struct chunk *chunk;
    while ((chunk = ready(c, d, now_ms))) {
        size_t len = chunk->len - chunk->sent;
        if (relay.bandwidth > 0 && (double)len > relay.allowance[d]) len = (size_t)relay.allowance[d];
        ssize_t n = send(c->fd[!d], chunk->data + chunk->sent, len, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        chunk->sent += (size_t)n;
        flow->queued -= (size_t)n;
        relay.bytes[d] += n;
        relay.allowance[d] -= (double)n;
        if (chunk->sent < chunk->len) return true;
        flow->first = chunk->next;
        if (!flow->first) flow->last = &flow->first;
        free(chunk);
    }
    return true;
}

static bool at_end(const struct connection *c) {
    for (int d = 0; d < 2; d++)
        if (c->flow[d].ended && !c->flow[d].first) return true;
    return false;
}

/* --- commands ---------------------------------------------------------------------------------------------------- */
static void resume(void) {
    for (size_t i = relay.count; i-- > 0;)
        if (relay.connection[i]->swallowed) drop(i, true);
    relay.refuse = relay.swallow = relay.stall[UP] = relay.stall[DOWN] = false;
    relay.delay_ms = relay.jitter_ms = relay.bandwidth = relay.cut_every_ms = 0;
}

static bool obey(const char *line, int64_t now_ms) {
    char word[16] = "", which[16] = "";
    long first = 0, second = 0;
    if (sscanf(line, "%15s", word) != 1) return false;
    int numbers = sscanf(line, "%*s %ld %ld", &first, &second);
    if (strcmp(word, "cut") == 0) {
        cut_all();
        relay.cut_every_ms = numbers > 0 ? first : relay.cut_every_ms;
        relay.cut_due_ms = now_ms + relay.cut_every_ms;
    } else if (strcmp(word, "refuse") == 0) {
        cut_all();
        relay.refuse = true;
    } else if (strcmp(word, "swallow") == 0) {
        relay.swallow = true;
    } else if (strcmp(word, "stall") == 0 && sscanf(line, "%*s %15s", which) == 1) {
        if (strcmp(which, "down") != 0) relay.stall[UP] = true;
        if (strcmp(which, "up") != 0) relay.stall[DOWN] = true;
    } else if (strcmp(word, "delay") == 0 && numbers > 0) {
        relay.delay_ms = first;
        relay.jitter_ms = second;
    } else if (strcmp(word, "bandwidth") == 0 && numbers > 0) {
        relay.bandwidth = first;
    } else if (strcmp(word, "resume") == 0) {
        resume();
    } else {
        return strcmp(word, "status") == 0;
    }
    return true;
}

static void answer(const char *line, bool known) {
    if (!known) {
        printf("unknown command: %s\n", line);
    } else {
        printf("%s: %zu open, %ld accepted, %ld reset, %ld bytes up, %ld down\n", line, relay.count, relay.accepted,
               relay.reset, relay.bytes[UP], relay.bytes[DOWN]);
    }
    fflush(stdout);
}

/* Whole lines of standard input; false at its end. */
static bool commands(int64_t now_ms) {
    static char line[LINE_SIZE];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, line + len, sizeof line - 1 - len);
    if (n <= 0) return n < 0 && errno == EINTR;
    len += (size_t)n;
    line[len] = 0;
    for (char *end; (end = strchr(line, '\n'));) {
        *end = 0;
        answer(line, obey(line, now_ms));
        len -= (size_t)(end + 1 - line);
        memmove(line, end + 1, len + 1);
    }
    if (len == sizeof line - 1) len = 0; /* no command is that long */
    return true;
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */
static void tend(int64_t now_ms) {
    if (relay.cut_every_ms > 0 && now_ms >= relay.cut_due_ms) {
        cut_all();
        relay.cut_due_ms = now_ms + relay.cut_every_ms;
    }
    for (int d = 0; d < 2; d++) {
        relay.allowance[d] += (double)relay.bandwidth * (double)(now_ms - relay.allowance_ms) / 1000;
        double most = (double)relay.bandwidth / 10; /* no more than a tenth of a second is saved up */
        if (relay.allowance[d] > most) relay.allowance[d] = most;
    }
    relay.allowance_ms = now_ms;
}

static void watch(const struct connection *c, struct pollfd poll_fd[2], int64_t now_ms) {
    for (int d = 0; d < 2; d++) {
        const struct flow *flow = &c->flow[d];
        poll_fd[d].fd = c->fd[d];
        poll_fd[d].events = 0;
        bool reads = !flow->ended && flow->queued < QUEUED_MAX && (!relay.stall[d] || relay.swallow);
        if (reads && !(d == DOWN && c->connecting)) poll_fd[d].events |= POLLIN;
    }
    for (int d = 0; d < 2; d++)
        if (ready(c, d, now_ms)) poll_fd[!d].events |= POLLOUT;
    if (c->connecting) poll_fd[1].events |= POLLOUT;
}

/* False when the connection is over. */
static bool serve(struct connection *c, const struct pollfd poll_fd[2], int64_t now_ms) {
    bool alive = true;
    if (c->connecting && poll_fd[1].revents & POLLOUT) c->connecting = false;
    for (int d = 0; d < 2 && alive; d++) {
        if (poll_fd[d].revents & (POLLERR | POLLNVAL)) return false;
        if (poll_fd[d].revents & POLLHUP && !(poll_fd[d].events & POLLIN)) return false;
        if (poll_fd[d].revents & (POLLIN | POLLHUP)) alive = take(c, d, now_ms);
        if (alive) alive = give(c, d, now_ms);
    }
    return alive && !at_end(c);
}

static int run(void) {
    static struct pollfd poll_fd[2 + 2 * CONNECTIONS_MAX];
    for (;;) {
        int64_t now_ms = clock_mono_ms();
        size_t count = relay.count;
        tend(now_ms);
        count = relay.count;
        poll_fd[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        poll_fd[1] = (struct pollfd){.fd = relay.listener, .events = POLLIN};
        for (size_t i = 0; i < count; i++) watch(relay.connection[i], &poll_fd[2 + 2 * i], now_ms);
        bool timed = relay.delay_ms > 0 || relay.bandwidth > 0 || relay.cut_every_ms > 0;
        if (poll(poll_fd, 2 + 2 * count, timed ? 5 : 1000) < 0 && errno != EINTR) return 1;
        now_ms = clock_mono_ms();
        for (size_t i = count; i-- > 0;)
            if (!serve(relay.connection[i], &poll_fd[2 + 2 * i], now_ms)) drop(i, false);
        if (poll_fd[1].revents & POLLIN) welcome();
        if (poll_fd[0].revents && !commands(now_ms)) return 0;
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    int one = 1;
    if (argc != 3) {
        fprintf(stderr, "usage: relay LISTEN_PORT TARGET_PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    at.sin_port = htons((uint16_t)atoi(argv[1]));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    relay.target_port = (uint16_t)atoi(argv[2]);
    relay.allowance_ms = clock_mono_ms();
    relay.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(relay.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (relay.listener < 0 || bind(relay.listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(relay.listener, 256) != 0) {
        perror("relay");
        return 1;
    }
    answer("listening", true);
    return run();
}
