/* Leases, attempts and acceptance: what coordinator and agents promise each other over Kafka, for one task (tasks share
 * nothing that is modelled here) on two nodes. docs/reliability.md says which line of the code stands behind each guard.
 * tests/model/run checks it, and that it fails with any one guard taken out (-DWITHOUT_...).
 *
 * Kafka: records of one partition stay in order. A producer that did not hear of its record sends it twice; spooled
 * reports come late, so outcomes overtake each other. A mailbox is read from its end at registration. Heartbeats and
 * ticks share a partition: a tick that is read back has all heartbeats before it read.
 * Store: what is written in one `atomic` is one transaction. A crash of the coordinator loses everything else.
 * Time: only ticks that were read back.
 * Faults: FAULTS of any kinds, in any order, at any point. */
#ifndef FAULTS
#define FAULTS 2 /* 1 to 3 */
#endif
#ifndef FAILURES
#define FAILURES 2 /* the code has 3; with 2 this many faults reach it */
#endif
#define NODES 2
/* Too few for so many faults would fail: the end is not reached then. */
#if FAULTS > 2
#define ATTEMPTS 5
#define fifth_open || state[4] == open
#else
#define ATTEMPTS 4
#define fifth_open
#endif
#define NONE ATTEMPTS /* no attempt */
#define TICK ATTEMPTS /* among heartbeats */
#define LEASE 1       /* rounds of ticks without a heartbeat that an attempt survives */
#define BEATS 1       /* heartbeats for one attempt; what follows is a node that fell silent */

mtype = { unused, publishing, open, lapsed, abandoned, revoked, accepted, superseded, failed }; /* an attempt */
mtype = { queued, out, done, gave_up, cancelled };                                             /* the task */
mtype = { verdict, infrastructure };                                                           /* an outcome */

/* --- the store ---------------------------------------------------------------------------------------------------- */
mtype task = queued;
mtype state[ATTEMPTS] = unused;
byte node_of[ATTEMPTS], incarnation_of[ATTEMPTS];
byte handed_out, failures, known[NODES] = 1, avoid = 1; /* the nodes are alike: it begins with the first */
bool outbox;

/* --- Kafka -------------------------------------------------------------------------------------------------------- */
chan mail0 = [2 * FAULTS + 2] of { byte, byte }; /* mailboxes: attempt, incarnation */
chan mail1 = [2 * FAULTS + 2] of { byte, byte };
chan reports = [2 * FAULTS + 2] of { byte, mtype, byte }; /* `attempts`: attempt, outcome, node */
chan beats = [3] of { byte };
byte registered[NODES] = 1; /* `nodes`, compacted: the latest incarnation */
bool published;         /* the result is on `results` */

/* --- what is lost with a process ---------------------------------------------------------------------------------- */
byte age[ATTEMPTS]; /* the coordinator's: rounds without a heartbeat */
bool in_flight;     /* a tick */
byte holds[NODES] = NONE, incarnation[NODES] = 1;

/* --- an agent's disk ---------------------------------------------------------------------------------------------- */
byte spool[NODES] = NONE;
mtype spooled[NODES];

byte faults;
/* Ghosts, as sets of attempts: heard of since the last tick was sent, in the round before that, counted as a failure. */
byte beat, beat_before, counted;
byte results; /* how many times the task got one */
bool alive[NODES] = true;
bool unjudged; /* an outcome was read, and what follows from it is not in the store */

#define ended (task == done || task == gave_up || task == cancelled)
#define live(a) (state[a] == publishing || state[a] == open)
#define any_open (task == out && (state[0] == open || state[1] == open || state[2] == open || state[3] == open fifth_open))
#define bit(a) (1 << (a))
#define has_beat(n) (holds[n] == NONE || (beat & bit(holds[n])))
#define fault() faults < FAULTS -> faults++

inline any_live() {
    d_step {
        found = false;
        for (i : 0 .. ATTEMPTS - 1) {
            if
            :: live(i) -> found = true
            :: else
            fi
        }
        i = 0
    }
}
inline requeue() {
    any_live();
    if
    :: !ended && !found -> task = queued
    :: else
    fi
}
/* A result and its record for `results` are written together. */
inline give_result(how) {
    task = how;
    results++;
    outbox = true;
    beat = 0; /* nothing is to be seen there any more: fewer states */
    beat_before = 0;
    assert(results <= 1)
}
inline count_failure(a) {
    if
    :: ended
    :: else ->
        assert(!(counted & bit(a)));
        counted = counted | bit(a);
        failures++;
        avoid = node_of[a];
        any_live();
        if
        :: failures >= FAILURES && !found -> give_result(gave_up)
        :: else -> requeue()
        fi
    fi
}
inline take_up(a, what, from) {
    age[a] = 0;
    if
#ifndef WITHOUT_REVOCATION
    :: state[a] == revoked
#endif
    :: state[a] == accepted || state[a] == superseded || state[a] == failed || state[a] == unused
    :: (live(a) || state[a] == lapsed || state[a] == abandoned) && ended ->
#ifdef WITHOUT_FIRST_ONLY
        if
        :: what == verdict -> give_result(done)
        :: else
        fi;
#endif
        state[a] = superseded
    :: else ->
        if
        :: what == verdict ->
            assert(state[a] != revoked);
            assert(from == node_of[a]);
            state[a] = accepted;
            give_result(done)
#ifndef WITHOUT_COUNTED_ONCE
        :: what == infrastructure && state[a] == lapsed -> /* was counted when it lapsed */
            state[a] = abandoned;
            requeue()
#endif
        :: what == infrastructure && state[a] == abandoned
        :: else ->
            state[a] = failed;
            count_failure(a)
        fi
    fi
}
inline lapse(a) {
    /* Its node lives and was heard of before the tick that has just come back was sent: then that was read. */
    assert(!((beat_before & bit(a)) && alive[node_of[a]]));
    state[a] = lapsed;
    age[a] = 0;
#ifndef WITHOUT_REQUEUE
    count_failure(a)
#endif
}
inline pass_round() {
    for (j : 0 .. ATTEMPTS - 1) {
        if
        :: state[j] == open ->
            age[j]++;
            if
            :: age[j] > LEASE -> lapse(j)
            :: else
            fi
        :: else
        fi
    }
    j = 0
}
/* Quarantine (the task goes elsewhere) or cancel (it ends). */
inline revoke_all() {
    for (j : 0 .. ATTEMPTS - 1) {
        if
        :: live(j) || state[j] == lapsed -> state[j] = revoked; age[j] = 0
        :: else
        fi
    }
    j = 0
}
inline send_task(n, a) {
    if
    :: n == 0 -> mail0!a,known[0]
    :: n == 1 -> mail1!a,known[1] /* no `else`: it would stand beside the options around it */
    fi
}
inline write_attempt(n, a) {
    handed_out++;
    state[a] = publishing;
    node_of[a] = n;
    incarnation_of[a] = known[n];
    age[a] = 0;
    task = out
}
/* The latest record of `nodes`: what the node's last life held is nobody's. */
inline register(n) {
    known[n] = registered[n];
    for (j : 0 .. ATTEMPTS - 1) {
        if
        :: (live(j) || state[j] == lapsed) && node_of[j] == n && incarnation_of[j] != known[n] ->
            state[j] = abandoned;
            age[j] = 0;
            requeue()
        :: else
        fi
    }
    j = 0
}

active proctype coordinator() {
    byte a = NONE, n, i, j, from;
    mtype what;
    bool found;
end:
    do
    /* Hand out: written first, then sent; then its lease begins. */
    :: atomic {
        task == queued && handed_out < ATTEMPTS ->
        if
        :: avoid != 0 -> n = 0
        :: avoid != 1 -> n = 1
        fi;
        a = handed_out;
#ifdef WITHOUT_WRITING_FIRST
        send_task(n, a)
       }
       if
       :: atomic { fault(); goto crashed }
       :: atomic { write_attempt(n, a) }
       fi;
       atomic {
           state[a] = open;
#else
        write_attempt(n, a)
       }
       if
       :: atomic { fault(); goto crashed }
       :: atomic { send_task(n, a) }
       fi;
       if
       :: atomic { fault(); goto crashed }
       :: atomic { fault(); send_task(n, a) } /* once more */
       :: true
       fi;
       atomic {
           if
           :: state[a] == publishing -> state[a] = open; age[a] = 0
           :: else
           fi;
#endif
           a = NONE;
           n = 0
       }
    /* An outcome: what follows from it and the offset are one transaction. */
    :: atomic {
        reports?a,what,from ->
#ifdef WITHOUT_ONE_TRANSACTION
        unjudged = true
       }
       if
       :: atomic { fault(); goto crashed }
       :: true
       fi;
       atomic {
#endif
        take_up(a, what, from);
        unjudged = false;
        a = NONE;
        from = 0;
        what = 0
       }
    /* The outbox: published, then cleared. */
#ifdef WITHOUT_OUTBOX
    :: atomic { outbox -> outbox = false }
       if
       :: atomic { fault(); goto crashed }
       :: atomic { published = true }
       fi
#else
    :: atomic { outbox -> published = true }
       if
       :: atomic { fault(); goto crashed }
       :: atomic { outbox = false }
       fi
#endif
    /* A heartbeat, or a tick that comes back. */
    :: atomic {
        beats?a ->
        if
        :: a == TICK ->
            in_flight = false;
            pass_round()
        :: else ->
            age[a] = 0;
            if
            :: state[a] == lapsed && task == queued -> /* there again before anybody else got it: it did not fail */
                state[a] = open;
                task = out
#ifndef WITHOUT_TAKING_BACK
                ; failures--;
                counted = counted & ~bit(a)
#endif
            :: state[a] == publishing -> state[a] = open
            :: else
            fi
        fi;
        a = NONE
       }
    /* Who lives and holds something was heard of in this round, or is slow: a fault. */
    :: atomic {
        any_open && !in_flight && nfull(beats) &&
        ((has_beat(0) && has_beat(1)) || faults < FAULTS) ->
        if
        :: has_beat(0) && has_beat(1)
        :: else -> faults++
        fi;
        beats!TICK;
        in_flight = true;
        beat_before = beat;
        beat = 0
       }
#ifdef WITHOUT_TICKS
    :: atomic { any_open && faults < FAULTS -> faults++; beat_before = beat; pass_round() } /* by a clock of its own */
#endif
    :: atomic { known[0] != registered[0] -> register(0) }
    :: atomic { known[1] != registered[1] -> register(1) }
    /* A person cancels it. */
    :: atomic { !ended && faults < FAULTS -> faults++; revoke_all(); give_result(cancelled) }
    /* Quarantine of whoever has it. */
    :: atomic { task == out && faults < FAULTS -> faults++; revoke_all(); requeue() }
    :: atomic { fault(); goto crashed }
    od;
crashed:
    atomic {
        assert(!unjudged);
        in_flight = false;
        do
        :: beats?a /* heartbeats are read from their end */
        :: empty(beats) -> break
        od;
        for (j : 0 .. ATTEMPTS - 1) {
#ifndef WITHOUT_LEASE_AT_START
            if
            :: state[j] == publishing -> state[j] = open /* whether it was sent nobody knows: its lease will tell */
            :: else
            fi;
#endif
#ifdef WITHOUT_FULL_LEASES
            age[j] = LEASE
#else
            age[j] = 0
#endif
        }
        a = NONE;
        n = 0;
        j = 0;
        from = 0;
        what = 0
    };
    goto end
}

/* Takes one attempt at a time; its report waits on disk until the broker has it. */
active [NODES] proctype node() {
    byte n = _pid - 1, a, given, rounds;
    mtype what;
end:
    do
    :: atomic {
        holds[n] == NONE && ((n == 0 && nempty(mail0)) || (n == 1 && nempty(mail1))) ->
        if
        :: n == 0 -> mail0?a,given
        :: n == 1 -> mail1?a,given
        fi;
        if
#ifndef WITHOUT_INCARNATION
        :: given != incarnation[n]
#endif
        :: else ->
            assert(given == incarnation[n]);
            holds[n] = a;
            rounds = 0
        fi;
        a = 0;
        given = 0
       }
    :: atomic {
        !ended && holds[n] != NONE && rounds < BEATS && !(beat & bit(holds[n])) && nfull(beats) ->
        rounds++;
        beats!holds[n];
        beat = beat | bit(holds[n])
       }
    :: atomic {
        holds[n] != NONE && spool[n] == NONE ->
        if
        :: what = verdict
        :: fault(); what = infrastructure
        fi;
        spool[n] = holds[n];
        spooled[n] = what;
        what = 0;
        holds[n] = NONE;
        rounds = 0
       }
    :: atomic {
        spool[n] != NONE ->
        reports!spool[n],spooled[n],n;
        if
        :: spool[n] = NONE; spooled[n] = 0
        :: fault() /* it did not hear that it arrived, and sends it again */
        fi
       }
    /* kill -9: comes back, or does not. What it had finished is on its disk. */
    :: atomic {
        faults < FAULTS -> faults++;
        holds[n] = NONE;
        rounds = 0;
        if
        :: incarnation[n]++;
            do
            :: n == 0 && nempty(mail0) -> mail0?a,given
            :: n == 1 && nempty(mail1) -> mail1?a,given
            :: (n == 0 && empty(mail0)) || (n == 1 && empty(mail1)) -> break
            od;
            a = 0;
            given = 0;
            registered[n] = incarnation[n]
        :: alive[n] = false; goto dead
        fi
       }
    od;
dead:
    skip
}

/* Outcomes overtake each other. */
active proctype network() {
    byte a, from;
    mtype what;
end:
    do
    :: atomic {
        len(reports) > 1 && faults < FAULTS -> faults++;
        reports?a,what,from;
        reports!a,what,from;
        a = 0;
        from = 0;
        what = 0
       }
    od
}

/* Nothing can happen any more: the task has its result and everybody can read it, unless both nodes are gone for good
 * (then the real coordinator gives it up by a time limit that is not modelled). */
active proctype monitor() {
end:
    timeout -> assert((ended && published && !outbox) || (!alive[0] && !alive[1]))
}
