// What the files of epidemic_faults share: epidemic_faults.c is their course, processes and the
// map; epidemic_faults_net.c, _disks.c and _users.c have a kind each. A fault begins by a function
// that takes its kind and says whether it took effect; one that lasts ends by another.
#ifndef BRUSIO_SIM_EPIDEMIC_FAULTS_PARTS_H
#define BRUSIO_SIM_EPIDEMIC_FAULTS_PARTS_H

#include "sim/epidemic_faults.h"

// A fault that ends by itself, or when all do.
struct epidemic_fault_end {
    struct list link;
    struct epidemic_faults *faults;
    enum epidemic_fault_kind kind;
    uint64_t event;
    uint32_t count;   // of peers
    uint32_t peers[]; // by index
};

struct epidemic_peer *epidemic_fault_draw_peer(struct epidemic_faults *faults);
uint64_t epidemic_fault_draw_short_us(struct epidemic_faults *faults);
uint64_t epidemic_fault_draw_long_us(struct epidemic_faults *faults);
uint64_t epidemic_fault_draw_time_us(struct epidemic_faults *faults);

// It will end after so long, of these peers (their indexes are copied), or of one.
void epidemic_fault_ends(struct epidemic_faults *faults, enum epidemic_fault_kind kind,
                         const uint32_t *peers, uint32_t count, uint64_t us);
void epidemic_fault_ends_of(struct epidemic_faults *faults, enum epidemic_fault_kind kind,
                            const struct epidemic_peer *peer, uint64_t us);

// Another member is primary; all hear of it one by one.
void epidemic_fault_move_primary_from(struct epidemic_faults *faults,
                                      const struct epidemic_peer *from);

typedef bool epidemic_fault_begin(struct epidemic_faults *faults, enum epidemic_fault_kind kind);
typedef void epidemic_fault_finish(struct epidemic_faults *faults,
                                   const struct epidemic_fault_end *end);

epidemic_fault_begin epidemic_fault_net_storm;
epidemic_fault_begin epidemic_fault_net_slow;
epidemic_fault_begin epidemic_fault_hold_kinds;
epidemic_fault_begin epidemic_fault_partition;
epidemic_fault_begin epidemic_fault_pair_apart;
epidemic_fault_begin epidemic_fault_offline;
epidemic_fault_begin epidemic_fault_absence;
epidemic_fault_finish epidemic_fault_end_storm;
epidemic_fault_finish epidemic_fault_end_holding;
epidemic_fault_finish epidemic_fault_end_partition;
epidemic_fault_finish epidemic_fault_unblock;
epidemic_fault_finish epidemic_fault_come_back;
epidemic_fault_finish epidemic_fault_return;

epidemic_fault_begin epidemic_fault_destroy;
bool epidemic_fault_empty_disk(struct epidemic_faults *faults, struct epidemic_peer *peer);
epidemic_fault_begin epidemic_fault_back_up;
epidemic_fault_begin epidemic_fault_restore;
epidemic_fault_begin epidemic_fault_clone;
epidemic_fault_begin epidemic_fault_fill_disk;
epidemic_fault_begin epidemic_fault_lower_room;
epidemic_fault_begin epidemic_fault_damage;
epidemic_fault_finish epidemic_fault_end_room;
epidemic_fault_finish epidemic_fault_end_damage;
// A peer looks over all that it has; only a damaged one may find anything.
void epidemic_fault_recount(struct epidemic_faults *faults, struct epidemic_peer *peer);

epidemic_fault_begin epidemic_fault_leave;
epidemic_fault_begin epidemic_fault_export;
epidemic_fault_begin epidemic_fault_import;
epidemic_fault_begin epidemic_fault_clock;
epidemic_fault_begin epidemic_fault_audit;
epidemic_fault_begin epidemic_fault_sweep;
epidemic_fault_finish epidemic_fault_end_leave;
void epidemic_fault_on_bundle(void *context, struct epidemic_peer *peer, const struct reply *reply);

#endif
