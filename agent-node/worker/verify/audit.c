/* Step 9: the audit runs a kernel under a simulator that sees data races, uninitialised and out-of-bounds reads. It is
 * made of the ordinary steps on a device whose driver is that simulator (Oclgrind's), so a task with `audit: true`
 * belongs on such a device, and elsewhere says so instead of pretending. */
#include <string.h>

#include "agent-node/worker/verify/verify.h"

int audit_run(struct trial *t, const struct subject *s, struct finding *f) {
    if (!trial_policy(t)->audit) return 0;
    if (strstr(trial_device(t)->platform, "Oclgrind")) return 0;
    return finding_infrastructure(f, "%s: an audit was asked for, but %s is no simulator", s->name,
                                  trial_device(t)->id);
}
