/* Devices: does each driver give one, how far does the sandbox confine runners, may the agent open the GPUs? Drivers
 * are not loaded here: the agent's own runners do that. */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/program.h"
#include "cli/render.h"
#include "cli/share.h"
#include "common/buf.h"
#include "common/fileio.h"

#define SMALL_FILE 4096

/* --- drivers ---------------------------------------------------------------------------------- */
/* What GPUs are in this machine, by the ids of PCI, and the package whose driver serves them. */
static const struct vendor {
    const char *id, *name, *kind, *package;
} vendors[] = {{"0x10de", "NVIDIA", "nvidia", "nvidia-opencl-icd"},
               {"0x1002", "AMD", "amd", "mesa-opencl-icd, or AMD's ROCm (rocm-opencl-runtime)"},
               {"0x8086", "Intel", "intel", "intel-opencl-icd"}};

static bool has_gpu(const struct vendor *v) {
    glob_t found = {0};
    bool there = strcmp(v->kind, "nvidia") == 0 && access("/dev/nvidiactl", F_OK) == 0;
    if (glob("/sys/class/drm/renderD*/device/vendor", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && !there; i++) {
            CLEANUP_FREE char *id = file_read(found.gl_pathv[i], SMALL_FILE, NULL, NULL);
            there = id && strncmp(id, v->id, strlen(v->id)) == 0;
        }
    globfree(&found);
    return there;
}

static bool serves(const json_t *devices, const struct vendor *v) {
    size_t i;
    json_t *device;
    json_array_foreach(devices, i, device) {
        if (strcmp(json_text(device, "kind"), "gpu") == 0 && strcasestr(json_text(device, "vendor"), v->name))
            return true;
        if (strcmp(v->kind, "amd") == 0 && strcasestr(json_text(device, "vendor"), "Advanced Micro Devices"))
            return true;
    }
    return false;
}

static void examine_gpus(struct findings *f, const json_t *devices) {
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++) {
        if (!has_gpu(&vendors[i]) || serves(devices, &vendors[i])) continue;
        CLEANUP_FREE char *mend = xasprintf("apt-get install %s", vendors[i].package);
        findings_add(f, AREA_MACHINE, "drivers", HEALTH_MISSING, mend,
                     "there is a GPU of %s's that no OpenCL driver serves", vendors[i].name);
    }
}

/* Complaints of drivers that have one remedy. */
static const char *remedy(const char *complaint) {
    static const struct {
        const char *sign, *mend;
    } known[] = {
        {"-lgcc", "apt-get install gcc"},
        {"bin/ld", "apt-get install binutils"},
        {"CL_PLATFORM_NOT_FOUND_KHR", "apt-get install --reinstall the package of that .icd file, or remove the file"},
        {"Permission denied", "chmod a+rX the driver's folder: runners are another user"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(complaint, known[i].sign)) return known[i].mend;
    return "portolan-agent devices --log-level debug";
}

/* "... warn  driver x.icd is left out: WHY" in the agent's log. */
static size_t left_out(struct findings *f, const char *said) {
    size_t n = 0;
    CLEANUP_FREE char *copy = xstrdup(said ? said : "");
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *what = strstr(line, " is left out: "), *start = what;
        if (!what) continue;
        while (start > line && !(start[-1] == ' ' && start >= line + 2 && start[-2] == ' ')) start--;
        findings_add(f, AREA_MACHINE, "drivers", HEALTH_WARNING, remedy(what), "%.600s", start);
        n++;
    }
    return n;
}

/* --- sandbox ---------------------------------------------------------------------------------- */
static bool file_says(const char *path, const char *text) {
    CLEANUP_FREE char *found = file_read(path, SMALL_FILE, NULL, NULL);
    return found && strncmp(found, text, strlen(text)) == 0;
}

static const char *mend_namespaces(void) {
    if (access("/usr/bin/bwrap", X_OK) != 0 && access("/usr/local/bin/bwrap", X_OK) != 0)
        return "apt-get install bubblewrap";
    if (file_says("/proc/sys/kernel/unprivileged_userns_clone", "0"))
        return "sysctl -w kernel.unprivileged_userns_clone=1";
    if (file_says("/proc/sys/user/max_user_namespaces", "0")) return "sysctl -w user.max_user_namespaces=10000";
    if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
        return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    return "run the agent outside this container, or give the container the right to make user namespaces";
}

static void judge_sandbox(struct findings *f, const char *level) {
    if (strncmp(level, "bubblewrap", 10) != 0)
        findings_add(f, AREA_MACHINE, "sandbox", HEALTH_WARNING, mend_namespaces(),
                     "%s: runners have no namespaces of their own, and read what their user may read", level);
    else if (!strstr(level, "seccomp"))
        findings_add(f, AREA_MACHINE, "sandbox", HEALTH_MISSING,
                     "a kernel with CONFIG_SECCOMP_FILTER, as all distributions have",
                     "%s: system calls are not filtered", level);
    else if (!strstr(level, "landlock"))
        findings_add(f, AREA_MACHINE, "sandbox", HEALTH_WARNING,
                     "add lsm=landlock,... to the kernel's command line (5.13 or later)", "%s: without Landlock",
                     level);
    else
        findings_add(f, AREA_MACHINE, "sandbox", HEALTH_OK, NULL, "%s", level);
}

void judge_devices(struct findings *f, const json_t *devices, const char *said) {
    CLEANUP(buf_done) struct buf names = BUF_INIT;
    size_t i, complaints = left_out(f, said), n = json_array_size(devices);
    json_t *device;
    json_array_foreach(devices, i, device)
        buf_printf(&names, "%s%s (%s)", i ? ", " : "", json_text(device, "id"), json_text(device, "driver_version"));
    if (n) {
        findings_add(f, AREA_MACHINE, "drivers", HEALTH_OK, NULL, "%zu device%s: %s", n, n == 1 ? "" : "s", names.data);
        judge_sandbox(f, json_text(json_array_get(devices, 0), "sandbox"));
    } else if (!complaints) {
        findings_add(f, AREA_MACHINE, "drivers", HEALTH_MISSING, "apt-get install pocl-opencl-icd",
                     "no OpenCL driver is installed: this machine has no device");
    } else {
        findings_add(f, AREA_MACHINE, "drivers", HEALTH_MISSING, "apt-get install pocl-opencl-icd",
                     "no driver works: this machine has no device");
    }
}

/* --- device files ----------------------------------------------------------------------------- */
static bool in_group(const struct agent_user *user, gid_t group) {
    for (int i = 0; i < user->n_groups; i++)
        if (user->groups[i] == group) return true;
    return false;
}

void judge_device_file(struct findings *f, const struct agent_user *user, const char *path, const struct stat *st,
                       const char *group) {
    unsigned both = user->uid == st->st_uid ? 0600 : in_group(user, st->st_gid) ? 0060 : 0006;
    if (user->uid == 0 || (st->st_mode & both) == both) {
        findings_add(f, AREA_MACHINE, "groups", HEALTH_OK, NULL, "%s may open %s", user->name, path);
        return;
    }
    CLEANUP_FREE char *join =
        xasprintf("usermod -aG %s %s, then systemctl restart portolan-agent (people: log in again)", group, user->name);
    CLEANUP_FREE char *rule = xasprintf(
        "echo 'KERNEL==\"%s\", GROUP=\"render\", MODE=\"0660\"' >/etc/udev/rules.d/70-portolan.rules, then "
        "udevadm control --reload and udevadm trigger",
        path_basename(path));
    bool groups_may = (st->st_mode & 0060) == 0060 && st->st_gid != 0;
    findings_add(f, AREA_MACHINE, "groups", HEALTH_MISSING, groups_may ? join : rule,
                 "%s may not open %s (group %s, mode %03o)", user->name, path, group, (unsigned)st->st_mode & 0777);
}

static void add_group(struct agent_user *user, const char *name) {
    const struct group *g = getgrnam(name);
    if (g && user->n_groups < (int)(sizeof user->groups / sizeof *user->groups))
        user->groups[user->n_groups++] = g->gr_gid;
}

/* The service's user where it is installed and we may speak for it, else who runs this. The unit adds two groups. */
static void find_user(struct agent_user *ret) {
    const struct passwd *service = geteuid() == 0 ? getpwnam("portolan") : NULL,
                        *who = service ? service : getpwuid(geteuid());
    *ret =
        (struct agent_user){.name = service ? "portolan" : "this user", .uid = service ? service->pw_uid : geteuid()};
    int limit = (int)(sizeof ret->groups / sizeof *ret->groups);
    ret->n_groups = limit;
    if (!who || getgrouplist(who->pw_name, who->pw_gid, ret->groups, &ret->n_groups) < 0) ret->n_groups = 0;
    if (!service) return;
    add_group(ret, "render");
    add_group(ret, "video");
}

static void examine_files(struct findings *f) {
    static const char *const pattern[] = {"/dev/dri/renderD*", "/dev/kfd", "/dev/nvidia[0-9]*", "/dev/nvidiactl",
                                          "/dev/nvidia-uvm"};
    struct agent_user user;
    size_t before = f->count;
    find_user(&user);
    for (size_t i = 0; i < sizeof pattern / sizeof *pattern; i++) {
        glob_t found = {0};
        struct stat st;
        if (glob(pattern[i], 0, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++) {
                if (stat(found.gl_pathv[k], &st) != 0 || !S_ISCHR(st.st_mode)) continue;
                const struct group *g = getgrgid(st.st_gid);
                judge_device_file(f, &user, found.gl_pathv[k], &st, g ? g->gr_name : "?");
            }
        globfree(&found);
    }
    if (access("/dev/nvidiactl", F_OK) == 0 && access("/dev/nvidia-uvm", F_OK) != 0)
        findings_add(f, AREA_MACHINE, "groups", HEALTH_MISSING,
                     "modprobe nvidia-uvm, then systemctl restart portolan-agent",
                     "/dev/nvidia-uvm is not there: CUDA and NVIDIA's OpenCL need it");
    if (f->count == before)
        findings_add(f, AREA_MACHINE, "groups", HEALTH_OK, NULL, "there is no GPU's device file to open");
}

/* --- all of it -------------------------------------------------------------------------------- */
static char *find_agent(void) {
    CLEANUP_FREE char *dir = program_dir();
    CLEANUP_FREE char *beside = dir ? path_join(dir, "portolan-agent") : NULL;
    return beside && access(beside, X_OK) == 0 ? TAKE(beside) : NULL;
}

void examine_devices(struct findings *f) {
    CLEANUP_FREE char *agent = find_agent();
    if (!agent) {
        findings_add(f, AREA_MACHINE, "drivers", HEALTH_SKIPPED,
                     "apt-get install portolan-agent, if it has devices to offer",
                     "no agent is installed here: drivers, groups and sandbox are not looked at");
        return;
    }
    const char *const argv[] = {agent, "devices", "--json", NULL};
    char *text = NULL;
    CLEANUP_FREE char *out = program_output(argv, &text);
    CLEANUP_FREE char *said = text;
    CLEANUP_JSON json_t *devices = out ? json_loads(out, 0, NULL) : NULL;
    judge_devices(f, devices, said);
    examine_gpus(f, devices);
    examine_files(f);
}
