/* This machine itself: room on disk, clock, limits of processes, services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/program.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define MIB (UINT64_C(1) << 20)
#define DISK_LEAST (64 * MIB)    /* an agent takes no work with a few MiB less than that */
#define DISK_LITTLE (1024 * MIB) /* what compiled kernels alone may take */
#define FILES_LEAST 1024
#define MEMLOCK_LEAST (64 * MIB)

/* --- disk ------------------------------------------------------------------------------------- */
void judge_disk(struct findings *f, const char *what, const char *folder, uint64_t free_bytes, const char *mend) {
    enum health health = free_bytes < DISK_LEAST    ? HEALTH_MISSING
                         : free_bytes < DISK_LITTLE ? HEALTH_WARNING
                                                    : HEALTH_OK;
    findings_add(f, AREA_MACHINE, "disk", health, health == HEALTH_OK ? NULL : mend, "%s: %.1f GiB free in %s", what,
                 (double)free_bytes / (double)(1024 * MIB), folder);
}

static void examine_folder(struct findings *f, const char *what, const char *folder, const char *mend) {
    struct statvfs fs;
    if (statvfs(folder, &fs) != 0) {
        if (errno != ENOENT)
            findings_add(f, AREA_MACHINE, "disk", HEALTH_WARNING, "sudo portolan doctor", "%s: cannot look at %s: %s",
                         what, folder, strerror(errno));
        return;
    }
    judge_disk(f, what, folder, (uint64_t)fs.f_bavail * fs.f_frsize, mend);
    if (fs.f_files && fs.f_favail < 1000)
        findings_add(f, AREA_MACHINE, "disk", HEALTH_MISSING, mend, "%s: %llu files more fit onto the disk of %s", what,
                     (unsigned long long)fs.f_favail, folder);
}

static bool installed_as_service(void) {
    return access("/var/lib/portolan", F_OK) == 0 || access("/var/lib/portolan-agent", F_OK) == 0;
}

/* A service's folders where there are any, else this user's. */
static void examine_disks(struct findings *f) {
    examine_folder(f, "the coordinator's store", "/var/lib/portolan", "portolan gc");
    examine_folder(f, "the agent's spool", "/var/lib/portolan-agent", SERVICE_GC);
    examine_folder(f, "the agent's cache", "/var/cache/portolan-agent", SERVICE_GC);
    if (installed_as_service() && !getenv("PORTOLAN_STATE_DIR")) return;
    static const char *const what[][2] = {{"state", "state"}, {"cache", "cache"}};
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        struct error err = ERROR_INIT;
        CLEANUP_FREE char *folder = dir_standard(what[i][0], &err);
        if (folder)
            examine_folder(f, what[i][1], folder, "portolan-agent gc, portolan gc");
        else
            findings_add_error(f, AREA_MACHINE, "disk", HEALTH_MISSING, NULL, &err);
    }
}

/* --- clock ------------------------------------------------------------------------------------ */
static void examine_clock(struct findings *f) {
    struct timex t = {0};
    int state = adjtimex(&t);
    if (state < 0) {
        findings_add(f, AREA_MACHINE, "clock", HEALTH_SKIPPED, NULL, "cannot be asked for: %s", strerror(errno));
        return;
    }
    bool service = access("/usr/bin/timedatectl", X_OK) == 0 && access("/lib/systemd/systemd-timesyncd", X_OK) == 0;
    const char *mend = service ? "timedatectl set-ntp true" : "apt-get install systemd-timesyncd";
    if (state == TIME_ERROR || (t.status & STA_UNSYNC))
        findings_add(f, AREA_MACHINE, "clock", HEALTH_WARNING, mend,
                     "nobody sets the clock: times in records and certificates will not be believed");
    else
        findings_add(f, AREA_MACHINE, "clock", HEALTH_OK, NULL, "is set by a time service, within %.0f ms",
                     (double)t.esterror / 1000);
}

/* --- limits ----------------------------------------------------------------------------------- */
struct limit_rule {
    int resource;
    const char *name, *unit, *mend, *why;
    rlim_t least;
};

static void examine_limit(struct findings *f, const struct limit_rule *rule) {
    struct rlimit limit;
    if (getrlimit(rule->resource, &limit) != 0) return;
    bool enough = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= rule->least;
    if (enough) return;
    findings_add(f, AREA_MACHINE, "limits", HEALTH_WARNING, rule->mend, "%s is %llu %s, and should be %llu: %s",
                 rule->name, (unsigned long long)limit.rlim_max, rule->unit, (unsigned long long)rule->least,
                 rule->why);
}

static void examine_limits(struct findings *f) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const struct limit_rule rules[] = {
        {RLIMIT_NOFILE, "the limit of open files", "files",
         "echo '* hard nofile 65536' >/etc/security/limits.d/portolan.conf, and log in again",
         "connections to brokers and runners each take some", FILES_LEAST},
        {RLIMIT_NPROC, "the limit of processes", "processes",
         "echo '* hard nproc 65536' >/etc/security/limits.d/portolan.conf, and log in again",
         "a compiling runner may start that many", 512 + 4 * (rlim_t)(processors > 0 ? processors : 1)},
        {RLIMIT_MEMLOCK, "the limit of locked memory", "bytes",
         "echo '* hard memlock unlimited' >/etc/security/limits.d/portolan.conf, and log in again",
         "drivers of GPUs pin memory for transfers", access("/dev/kfd", F_OK) == 0 ? MEMLOCK_LEAST : 0}};
    size_t before = f->count;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) examine_limit(f, &rules[i]);
    if (f->count == before)
        findings_add(f, AREA_MACHINE, "limits", HEALTH_OK, NULL, "files, processes and locked memory suffice");
}

/* --- services --------------------------------------------------------------------------------- */
static void examine_service(struct findings *f, const char *unit) {
    CLEANUP_FREE char *file = xasprintf("/lib/systemd/system/%s.service", unit);
    if (access(file, F_OK) != 0 || access("/run/systemd/system", F_OK) != 0) return;
    CLEANUP_FREE char *name = xasprintf("%s.service", unit);
    const char *const argv[] = {"systemctl", "is-active", name, NULL};
    CLEANUP_FREE char *said = program_output(argv, NULL);
    if (said) said[strcspn(said, "\n")] = 0;
    CLEANUP_FREE char *start = xasprintf("systemctl enable --now %s", unit);
    CLEANUP_FREE char *look = xasprintf("journalctl -u %s -n 20, then systemctl restart %s", unit, unit);
    if (said && strcmp(said, "active") == 0)
        findings_add(f, AREA_MACHINE, "service", HEALTH_OK, NULL, "%s runs", name);
    else if (said && strcmp(said, "failed") == 0)
        findings_add(f, AREA_MACHINE, "service", HEALTH_MISSING, look, "%s has failed", name);
    else
        findings_add(f, AREA_MACHINE, "service", HEALTH_WARNING, start, "%s is installed and does not run", name);
}

void examine_machine(struct findings *f) {
    examine_disks(f);
    examine_clock(f);
    examine_limits(f);
    examine_service(f, "portolan");
    examine_service(f, "portolan-agent");
}
