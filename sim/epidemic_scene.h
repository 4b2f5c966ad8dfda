// What a seed's run of an optimistic keyspace is about: how many peers, how fast they exchange,
// which faults follow each other, and what users do.
//
// Promise: a scene depends on its generator alone.
//
// Most seeds draw a mix of about half of all faults (Groce et al., "Swarm testing", 2012). What
// takes several faults in a row, each at its moment, a mix hardly ever does: other scenes are about
// one such matter, and draw within it. It knows of no rule and no fault of the program.
#ifndef BRUSIO_SIM_EPIDEMIC_SCENE_H
#define BRUSIO_SIM_EPIDEMIC_SCENE_H

#include "sim/epidemic_world.h"

// Name, text, and how often it is drawn in a mix.
#define EPIDEMIC_FAULT_TABLE(X)                                                                    \
    X(NET_STORM, "net storm", 3)        /* much loss, repetition and delay */                      \
    X(NET_SLOW, "slow net", 2)          /* sessions overlap */                                     \
    X(KINDS_LOST, "lost messages", 4)   /* of some kinds: sessions are cut */                      \
    X(KINDS_LATE, "late messages", 3)   /* of some kinds, overtaken by others */                   \
    X(PARTITION, "partition", 3)        /* into two or three */                                    \
    X(PAIR_APART, "pair apart", 2)      /* one of two does not hear the other */                   \
    X(OFFLINE, "offline", 6)            /* one, while its user goes on */                          \
    X(ABSENCE, "absence of several", 3) /* who come back at one moment */                          \
    X(CRASH, "crash", 5)                                                                           \
    X(CRASH_SEVERAL, "crash of several", 1)                                                        \
    X(DESTROY, "destroyed disk", 1) /* it begins anew, with nothing */                             \
    X(BACKUP, "backup", 3)          /* a copy of a disk is put aside */                            \
    X(RESTORE, "restored disk", 2)  /* it goes on with that */                                     \
    X(CLONE, "cloned disk", 1)      /* another one goes on with that of a peer */                  \
    X(DISK_FULL, "full disk", 1)    /* a batch fails */                                            \
    X(ROOM_LOW, "low room", 2)      /* puts are refused */                                         \
    X(LEAVE, "leave", 2)            /* and forget; it joins again later */                         \
    X(PRIMARY, "primary moves", 2)  /* the former one hears of it later */                         \
    X(DAMAGE, "damaged store", 0)   /* a header vanishes; a recount finds out later */             \
    X(EXPORT, "bundle exported", 4)                                                                \
    X(IMPORT, "bundle imported", 4)       /* any that was ever exported */                         \
    X(CLOCK, "clock ahead", 1)            /* of an origin's counters */                            \
    X(AUDIT, "audit", 3)                  /* asked for */                                          \
    X(SWEEP, "sweep", 2)                  /* of several peers, for garbage, before its time */     \
    X(UNREACHABLE, "unreachable peer", 0) /* nobody can connect to it, from the start to the end */

enum epidemic_fault_kind {
#define X(name, text, weight) EPIDEMIC_FAULT_##name,
    EPIDEMIC_FAULT_TABLE(X)
#undef X
        EPIDEMIC_FAULT_COUNT
};

// "net storm"; never NULL.
const char *epidemic_fault_name(enum epidemic_fault_kind kind);

// Name, text, and how often it is drawn.
#define EPIDEMIC_SCENE_TABLE(X)                                                                    \
    X(MIXED, "mixed", 8)                                                                           \
    X(CALM, "calm", 1)                                                                             \
    X(ROAMING, "roaming", 4)    /* everybody is online a tenth of the time */                      \
    X(RETURNS, "returns", 6)    /* of several, after more than the retention, at one moment */     \
    X(MEETINGS, "meetings", 4)  /* of those with one who has nothing, over a slow net */           \
    X(RUMORS, "rumors", 4)      /* sessions are rare, and who told goes away */                    \
    X(CARRIED, "carried", 3)    /* bundles go about, and little else */                            \
    X(DISKS, "disks", 4)        /* restored, cloned, destroyed */                                  \
    X(ORIGINS, "origins", 2)    /* many runs write few keys: contexts overflow */                  \
    X(LARGE, "large values", 2) /* sessions of several portions, and cut ones */                   \
    X(DAMAGED, "damaged", 3)    /* stores lose something without a word */

enum epidemic_scene_kind {
#define X(name, text, weight) EPIDEMIC_SCENE_##name,
    EPIDEMIC_SCENE_TABLE(X)
#undef X
        EPIDEMIC_SCENE_COUNT
};

// "returns"; never NULL.
const char *epidemic_scene_name(enum epidemic_scene_kind kind);

struct epidemic_scene {
    enum epidemic_scene_kind kind;
    struct epidemic_world_setting world;
    unsigned weights[EPIDEMIC_FAULT_COUNT]; // all 0: no faults
    uint64_t duration_us;                   // of faults
    uint64_t gap_us_max;                    // the longest pause between two faults
    uint64_t short_us;                      // what is over soon lasts up to so long,
    uint64_t long_us;                       // what is not, from half of this on up to this
    bool roaming;
    bool starts_soon;        // who has crashed is back after a short time
    bool meets;              // epidemic_meetings.h, instead of faults by weight
    uint64_t anew_one_in;    // absences after which one comes back with an empty disk; 0: none
    uint64_t slow_one_in;    // absences after which the net is slow for a while; 0: none
    uint32_t actions;        // of users
    uint32_t deletes_in_ten; // of writes; above 10: drawn
    uint32_t burst;          // of actions, after which there is a pause; 0: none
    uint64_t pause_us_max;
    uint64_t value_bytes_max;
};

// `peers` 0: drawn, 2 to EPIDEMIC_SCENE_PEERS_MAX.
#define EPIDEMIC_SCENE_PEERS_MAX 50u
void epidemic_scene_draw(struct epidemic_scene *scene, uint64_t seed, uint32_t peers);

#endif
