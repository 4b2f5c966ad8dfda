// Writes to one key of a strong keyspace (rules 13 to 25): INV, ACK, VAL, takeover, lazy shrink,
// restarts, joins, promotion and death certificates.
//
// Properties, for every client that could ask at any time: what was acknowledged or read is never
// lost and never read stale; two read-modify-writes never commit from one version. Thus all
// versions that a client knows of are one chain, and a replica that may serve has the whole of it.
// A deleted key cannot return, for the version before it is not the whole chain.
//
// Three replicas, at most WRITES writes, each made from the version before it as its primary knows
// it; EPOCHS maps, each changed from the one before as anyone could wish that rule 1 allows;
// RESTARTS restarts.
//
// Messages are facts that stay true: which INVs an epoch's primary sent, who acknowledged what in
// which epoch, what is committed, who reported which join. A step may use a fact at any time after,
// or never: thus messages are lost, late, out of order and repeated. The exception is sync's
// answer: the last one only is kept.
//
// Leases and the agreement on maps are in map.pml. What they give is taken for granted: each epoch
// has one map, and a node serves under its map unless a later one restricts it.
//
// A version is known by its number, `before[v]` are all versions that v rests on, itself included.
// Version 0 was written and committed before all. What a client could read, it reads at once:
// the sooner something is known, the more it binds.
//
// To search less: PERSIST_AT_ONCE persists a backup's record as its INV is taken, SYNC_AT_ONCE
// applies an answer of sync as it is given, with ONE_PRIMARY node 0 is the primary of every map.
// JOINING allows joins, DELETES allows deletes. The first map is one that others can have led to.

#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef FIRST_LIVE
#define FIRST_LIVE 7
#endif
#ifndef FIRST_LIST
#define FIRST_LIST 7
#endif
#ifndef FIRST_PRIMARY
#define FIRST_PRIMARY 0
#endif
#ifndef FIRST_JOINING
#define FIRST_JOINING 0
#endif

// What a mutant leaves out.
#ifdef MUTANT_OLD_ACKS
#define ACKED(e, v)                                                                                \
    (acks[OF(e, v)] | (e > 1 && primary[e - 1] == primary[e] -> acks[OF(e - 1, v)] : 0))
#define KEEPS_ACKS true
#else
#define ACKED(e, v) acks[OF(e, v)]
#define KEEPS_ACKS false
#endif
#ifdef MUTANT_COMMIT_BY_LIVE
#define NEEDED(e) ((list[e] | joining[e]) & live[e])
#else
#ifdef MUTANT_COMMIT_WITHOUT_JOINERS
#define NEEDED(e) list[e]
#else
#define NEEDED(e) (list[e] | joining[e])
#endif
#endif
#ifdef MUTANT_LAMPORT
#define STAMP_IN(e, p, v) ((stamp[record[p]] / 16 + 1) * 16 + p * 4 + v)
#else
#define STAMP_IN(e, p, v) (e * 16 + v)
#endif
#ifdef MUTANT_NO_MARKS
#define KEEPS_MARKS false
#else
#define KEEPS_MARKS true
#endif
#ifdef MUTANT_NO_TAKEOVER
#define TAKES_OVER false
#else
#define TAKES_OVER true
#endif
#ifdef MUTANT_TAKE_OWN
#define TAKES_GREATEST false
#else
#define TAKES_GREATEST true
#endif
#ifdef MUTANT_ANY_REPORT
#define REPORTED(e) (reports[1] | reports[2] | reports[3])
#define KEEPS_REPORTS true
#else
#define REPORTED(e) reports[join_id[e]]
#define KEEPS_REPORTS false
#endif
#ifdef MUTANT_SYNC_OVERRIDES
#define IS_FRESH(h) false
#else
#define IS_FRESH(h) HAS(fresh, h)
#endif
#ifdef MUTANT_SYNC_VALID
#define SYNCED_MARK 0
#else
#define SYNCED_MARK sync_marked
#endif
#ifdef MUTANT_OLD_AUTHORITY
#define IS_AUTHORITY(a, e) true
#else
#define IS_AUTHORITY(a, e) (epoch[a] >= join_id[e])
#endif
#ifdef MUTANT_DROP_CERTIFICATE
#define MAY_DROP_CERTIFICATE(h) true
#else
#define MAY_DROP_CERTIFICATE(h) (joining[epoch[h]] == 0)
#endif
#ifdef MUTANT_OLD_INV
#define IS_ABOVE(h, v) true
#else
#define IS_ABOVE(h, v) (!HAS(current, h) || stamp[v] > stamp[record[h]])
#endif

#ifdef MUTANT_TELL_ALL
#define JOINERS_TELL_ALL
#endif

// A witness is an event that must be possible, claimed not to be.
#ifdef WITNESS_LAST_COMMIT
#define WITNESS_COMMIT(p, v) assert(epoch[p] < EPOCHS || v < WRITES || stamp[v - 1] < 32)
#else
#define WITNESS_COMMIT(p, v) skip
#endif
#ifdef WITNESS_PROMOTED
#define WITNESS_READ(h) assert(h != 2 || record[h] == 0)
#else
#ifdef WITNESS_RESTARTED
#define WITNESS_READ(h) assert(h != 1 || record[h] == 0 || restarts == 0 || epoch[h] == 1)
#else
#define WITNESS_READ(h) skip
#endif
#endif
#ifdef WITNESS_JOINED_AGAIN
#define WITNESS_REPORT(h) assert(join_id[epoch[h]] < 3)
#else
#define WITNESS_REPORT(h) skip
#endif
#ifdef WITNESS_LEFTOVER
#define WITNESS_COLLECT(h) assert(!IS_JOINER(h) || HAS(fresh, h))
#else
#define WITNESS_COLLECT(h) skip
#endif
#ifdef WITNESS_CERTIFICATE_DROPPED
#define WITNESS_DROP assert(false)
#else
#define WITNESS_DROP skip
#endif

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) >> (n)) & 1)
#define WITHOUT(set, n) ((set) & ~BIT(n))
#define NOBODY 3

// The map of each epoch.
byte newest;
byte live[EPOCHS + 2];
byte list[EPOCHS + 2];
byte joining[EPOCHS + 2];
byte join_id[EPOCHS + 2];
byte primary[EPOCHS + 2];
byte named[EPOCHS + 2]; // whose present incarnation it names
// Of the newest.
#define L live[newest]
#define S list[newest]
#define J joining[newest]
#define I join_id[newest]

// Versions.
byte written;
byte stamp[WRITES + 1];
byte before[WRITES + 1];
byte deletes;   // of versions
byte committed; // of versions
byte known;     // of versions: acknowledged to, or read by, a client

// Messages.
#define OF(e, v) (((e) - 1) * WRITES + (v) - 1)
byte invs[EPOCHS + 2]; // of versions
byte acks[EPOCHS * WRITES];
byte reports[EPOCHS + 2]; // at a join id: who is in sync by it
byte sync_to;
byte sync_id;
byte sync_record;
bool sync_marked;
bool sync_gone;

// Nodes; a byte for three is a set of them.
byte epoch[3];
byte record[3];
byte durable[3]; // the record on disk
byte marked;     // in flight, the key is invalid
byte durable_marked;
byte gone;       // the record was a delete and is forgotten: only the properties still see it
byte current;    // the record was taken in this epoch
byte ready;      // the primary has taken over
byte collected;  // by the newest primary that takes over: for one epoch at a time
byte collector;
byte fresh;      // the joiner's record came since its join
byte synced;     // the joiner applied an answer of its authority
byte restarts;

#define STAMP(h) (HAS(gone, h) -> 0 : stamp[record[h]])
#define PRESENT(h) HAS(named[epoch[h]], h)
#define REPLICAS(e) (list[e] | joining[e])
#define TAKES_PART(h) (PRESENT(h) && HAS(live[epoch[h]] & REPLICAS(epoch[h]), h))
#define IS_PRIMARY(h) (PRESENT(h) && primary[epoch[h]] == h)
#define IS_JOINER(h) HAS(joining[epoch[h]], h)

#define KEPT_BY(e, h) (e <= epoch[h] || e > newest || HAS(live[e] & list[e], h))
#if EPOCHS == 2
#define HAS_LEASE(h) KEPT_BY(2, h)
#endif
#if EPOCHS == 3
#define HAS_LEASE(h) (KEPT_BY(2, h) && KEPT_BY(3, h))
#endif
#if EPOCHS == 4
#define HAS_LEASE(h) (KEPT_BY(2, h) && KEPT_BY(3, h) && KEPT_BY(4, h))
#endif
#define SERVES(h)                                                                                  \
    (PRESENT(h) && HAS(live[epoch[h]] & list[epoch[h]], h) && !HAS(marked, h) && HAS_LEASE(h))

inline read(h)
{
    if
    :: SERVES(h) ->
        assert((known & ~before[record[h]]) == 0);
        known = known | BIT(record[h]);
        WITNESS_READ(h)
    :: else
    fi
}
inline read_all()
{
    read(0);
    read(1);
    read(2)
}

inline take(h, v)
{
    record[h] = v;
    marked = marked | BIT(h);
    gone = WITHOUT(gone, h)
}

// Rules 13 and 19.
#define ORDER(p, deletes_it)                                                                       \
    ::d_step { written < WRITES && IS_PRIMARY(p) && HAS(ready, p) && HAS_LEASE(p) &&               \
               (!deletes_it || !HAS(deletes, record[p])) ->                                        \
               written++;                                                                          \
               stamp[written] = STAMP_IN(epoch[p], p, written);                                    \
               before[written] = before[record[p]] | BIT(written);                                 \
               deletes = deletes | (deletes_it << written);                                        \
               take(p, written);                                                                   \
               current = current | BIT(p);                                                         \
               invs[epoch[p]] = invs[epoch[p]] | BIT(written) }

// Rules 14 and 16.
#define RECEIVE(h, v)                                                                              \
    ::d_step { HAS(invs[epoch[h]], v) && TAKES_PART(h) && !IS_PRIMARY(h) && IS_ABOVE(h, v) &&      \
               !(HAS(current, h) && record[h] == v) ->                                             \
               take(h, v);                                                                         \
               current = current | BIT(h);                                                         \
               fresh = fresh | (IS_JOINER(h) << h);                                                \
               received(h) }
#ifdef PERSIST_AT_ONCE
#define received(h) persist(h)
#else
#define received(h) skip
#endif

// Rule 15: an ACK is for the epoch in which the INV was taken.
#define OWES_ACK(h)                                                                                \
    (HAS(current, h) && HAS(invs[epoch[h]], record[h]) &&                                          \
     !HAS(acks[OF(epoch[h], record[h])], h) &&                                                     \
     epoch[primary[epoch[h]]] <= epoch[h] && HAS(named[epoch[h]], primary[epoch[h]]))
#define PERSIST(h)                                                                                 \
    ::d_step { PRESENT(h) && (durable[h] != record[h] ||                                           \
                              (HAS(marked, h) && !HAS(durable_marked, h)) || OWES_ACK(h)) ->       \
               persist(h) }
inline persist(h)
{
    durable[h] = record[h];
    durable_marked = WITHOUT(durable_marked, h) | (HAS(marked, h) << h);
    if
    :: OWES_ACK(h) -> acks[OF(epoch[h], record[h])] = acks[OF(epoch[h], record[h])] | BIT(h)
    :: else
    fi
}

// Rule 17.
#define COMMIT(p, v)                                                                               \
    ::d_step { IS_PRIMARY(p) && HAS(invs[epoch[p]], v) && !HAS(committed, v) &&                    \
               HAS(acks[OF(epoch[p], v)], p) &&                                                    \
               (NEEDED(epoch[p]) & ~ACKED(epoch[p], v)) == 0 ->                                    \
               WITNESS_COMMIT(p, v);                                                               \
               commit(v) }
#define IN_CHAIN(v, w) assert(!HAS(known, w) || HAS(before[v], w) || HAS(before[w], v))
inline commit(v)
{
    committed = committed | BIT(v);
    IN_CHAIN(v, 0);
    IN_CHAIN(v, 1);
    IN_CHAIN(v, 2);
#if WRITES > 2
    IN_CHAIN(v, 3);
#endif
    known = known | BIT(v);
    read_all()
}

// Rule 19: by VAL, or by a primary's word.
#define VALIDATE(h)                                                                                \
    ::d_step { HAS(marked, h) && HAS(committed, record[h]) && TAKES_PART(h) ->                     \
               marked = WITHOUT(marked, h);                                                        \
               durable_marked = (durable[h] == record[h] -> WITHOUT(durable_marked, h)             \
                                                         : durable_marked);                        \
               read(h) }

// Rule 25.
#define DROP_CERTIFICATE(h)                                                                        \
    ::d_step { HAS(deletes, record[h]) && !HAS(gone | marked | durable_marked, h) &&               \
               durable[h] == record[h] && TAKES_PART(h) && MAY_DROP_CERTIFICATE(h) ->              \
               gone = gone | BIT(h);                                                               \
               WITNESS_DROP }

// Rule 18. A joiner tells only what came since its join (rule 21), or, with JOINERS_TELL_ALL, what
// was in flight before too: without deletes that is harmless, for the stamps are above it.
#ifdef JOINERS_TELL_ALL
#define TELLS(h) HAS(marked, h)
#else
#define TELLS(h) (HAS(marked, h) && (HAS(list[epoch[h]], h) || HAS(fresh, h)))
#endif
#define COLLECTED(p) (collector == epoch[p] -> collected : 0)
#define COLLECT(p, h)                                                                              \
    ::d_step { IS_PRIMARY(p) && !HAS(ready, p) && TAKES_OVER && p != h && TAKES_PART(h) &&         \
               epoch[h] == epoch[p] && epoch[p] >= collector && !HAS(COLLECTED(p), h) ->           \
               collected = COLLECTED(p) | BIT(h);                                                  \
               collector = epoch[p];                                                               \
               if                                                                                  \
               :: TELLS(h) && stamp[record[h]] > STAMP(p) && (TAKES_GREATEST || STAMP(p) == 0) ->  \
                   take(p, record[h]);                                                             \
                   WITNESS_COLLECT(h)                                                              \
               :: else                                                                             \
               fi }
#define TAKE_OVER(p)                                                                               \
    ::d_step { IS_PRIMARY(p) && !HAS(ready, p) && HAS(live[epoch[p]], p) &&                        \
               (WITHOUT(REPLICAS(epoch[p]) & live[epoch[p]], p) & ~COLLECTED(p)) == 0 ||           \
               IS_PRIMARY(p) && !HAS(ready, p) && !TAKES_OVER ->                                   \
               ready = ready | BIT(p);                                                             \
               collected = 0;                                                                      \
               current = current | (HAS(marked, p) << p);                                          \
               invs[epoch[p]] = invs[epoch[p]] | (HAS(marked, p) << record[p]) }

// Rules 21 to 23.
#ifdef SYNC_AT_ONCE
#define WANTS_ANSWER(h) !HAS(synced, h)
#else
#define WANTS_ANSWER(h) true
#endif
#define ANSWER(a, h)                                                                               \
    ::d_step { a != h && TAKES_PART(a) && HAS(list[epoch[a]], a) && TAKES_PART(h) &&               \
               IS_JOINER(h) && IS_AUTHORITY(a, epoch[h]) && WANTS_ANSWER(h) &&                     \
               (sync_to != h || sync_id != join_id[epoch[h]] || sync_record != record[a] ||        \
                sync_marked != HAS(marked, a) || sync_gone != HAS(gone, a)) ->                     \
               sync_to = h;                                                                        \
               sync_id = join_id[epoch[h]];                                                        \
               sync_record = record[a];                                                            \
               sync_marked = HAS(marked, a);                                                       \
               sync_gone = HAS(gone, a);                                                           \
               answered(h) }
#ifdef SYNC_AT_ONCE
#define answered(h) sync(h)
#else
#define answered(h) skip
#endif
#define IS_SYNCED_TO(h)                                                                            \
    (IS_FRESH(h) -> !sync_gone && stamp[sync_record] > STAMP(h)                                    \
                  : record[h] != sync_record || HAS(marked, h) != sync_marked ||                   \
                        HAS(gone, h) != sync_gone)
#define SYNC(h)                                                                                    \
    ::d_step { sync_to == h && TAKES_PART(h) && IS_JOINER(h) && sync_id == join_id[epoch[h]] ->    \
               sync(h) }
inline sync(h)
{
    if
    :: IS_SYNCED_TO(h) ->
        record[h] = sync_record;
        marked = WITHOUT(marked, h) | (SYNCED_MARK << h);
        gone = WITHOUT(gone, h) | (sync_gone << h);
        current = (IS_FRESH(h) -> current : WITHOUT(current, h));
        fresh = fresh | (SYNCED_MARK << h)
    :: else
    fi;
    synced = synced | BIT(h);
    forget_answer()
}
inline forget_answer()
{
    sync_to = NOBODY;
    sync_id = 0;
    sync_record = 0;
    sync_marked = false;
    sync_gone = false
}
#define REPORT(h)                                                                                  \
    ::d_step { TAKES_PART(h) && IS_JOINER(h) && HAS(synced, h) && durable[h] == record[h] &&       \
               HAS(durable_marked, h) >= HAS(marked, h) &&                                         \
               (KEEPS_REPORTS || join_id[epoch[h]] == I) &&                                        \
               !HAS(reports[join_id[epoch[h]]], h) ->                                              \
               reports[join_id[epoch[h]]] = reports[join_id[epoch[h]]] | BIT(h);                   \
               WITNESS_REPORT(h) }

// Rule 20. A mark that could be cleared on disk may be there still.
#define RESTART(h, mark_left)                                                                      \
    ::d_step { restarts < RESTARTS && PRESENT(h) &&                                                \
               (!mark_left || (durable[h] != 0 && !HAS(durable_marked | gone, h))) ->              \
               restarts++;                                                                         \
               record[h] = durable[h];                                                             \
               durable_marked = durable_marked | (mark_left << h);                                 \
               marked = WITHOUT(marked, h) |                                                       \
                        ((KEEPS_MARKS && HAS(durable_marked, h)) << h);                            \
               named[1] = WITHOUT(named[1], h);                                                    \
               named[2] = WITHOUT(named[2], h);                                                    \
               named[3] = WITHOUT(named[3], h);                                                    \
               named[EPOCHS] = WITHOUT(named[EPOCHS], h);                                          \
               leave_epoch(h);                                                                     \
               fresh = WITHOUT(fresh, h);                                                          \
               synced = WITHOUT(synced, h) }
inline leave_epoch(h)
{
    current = WITHOUT(current, h);
    ready = WITHOUT(ready, h)
}

// A node need not learn a map in which it is no replica: there it would do nothing.
#define LEARN(h, e)                                                                                \
    ::d_step { e <= newest && e > epoch[h] && HAS(named[e] & live[e] & REPLICAS(e), h) ->          \
               if                                                                                  \
               :: HAS(joining[e], h) && join_id[e] != join_id[epoch[h]] ->                         \
                   fresh = WITHOUT(fresh, h);                                                      \
                   synced = WITHOUT(synced, h)                                                     \
               :: HAS(list[e], h) ->                                                               \
                   fresh = WITHOUT(fresh, h);                                                      \
                   synced = WITHOUT(synced, h)                                                     \
               :: else                                                                             \
               fi;                                                                                 \
               leave_epoch(h);                                                                     \
               epoch[h] = e;                                                                       \
               forget_epoch(1);                                                                    \
               forget_epoch(2);                                                                    \
               forget_epoch(EPOCHS - 1);                                                           \
               read(h) }

// Rule 1.
#define CHANGE(condition, new_live, new_list, new_joining, new_id, new_primary)                    \
    ::d_step { newest < EPOCHS && (condition) && (new_list) != 0 &&                                \
               ((new_primary != NOBODY && HAS((new_list) & (new_live), new_primary)) ||            \
                (new_primary == NOBODY && ((new_list) & (new_live)) == 0)) ->                      \
               change(new_live, new_list, new_joining, new_id, new_primary) }
inline change(new_live, new_list, new_joining, new_id, new_primary)
{
    live[newest + 1] = new_live;
    list[newest + 1] = new_list;
    joining[newest + 1] = new_joining;
    join_id[newest + 1] = (new_joining != 0 -> new_id : 0);
    primary[newest + 1] = new_primary;
    // Every live node is admitted as it is now; one that is started again joins anew.
    joining[newest + 1] = joining[newest + 1] & (new_id == newest + 1 -> 7 : named[newest]);
    named[newest + 1] = live[newest + 1] | named[newest];
    if
    :: I != 0 && I != join_id[newest + 1] && !KEEPS_REPORTS -> reports[I] = 0
    :: else
    fi;
    newest++
}

// What no step can use any more is the same in every state.
inline forget_epoch(e)
{
    if
    :: epoch[0] > e && epoch[1] > e && epoch[2] > e ->
        invs[e] = 0;
        live[e] = 0;
        list[e] = 0;
        joining[e] = 0;
        named[e] = 0
    :: else
    fi;
    if
    :: primary[e] != NOBODY && (epoch[primary[e]] > e || !HAS(named[e], primary[e])) &&
           !KEEPS_ACKS ->
        acks[OF(e, 1)] = 0;
#if WRITES > 1
        acks[OF(e, 2)] = 0;
#endif
#if WRITES > 2
        acks[OF(e, 3)] = 0
#endif
    :: else
    fi
}

#define LEAVES(x, p)                                                                               \
    CHANGE(HAS(L, x), WITHOUT(L, x), S, WITHOUT(J, x), I, p)                                       \
    CHANGE(HAS(L, x) && HAS(S, x) && (WITHOUT(L, x) & S) != 0, WITHOUT(L, x), WITHOUT(S, x), J, I, \
           p)                                                                                      \
    CHANGE(HAS(S, x) && !HAS(L, x), L, WITHOUT(S, x), J, I, p)                                     \
    CHANGE(HAS(S & L, x) && (WITHOUT(S, x) & L) != 0, L, WITHOUT(S, x), J, I, p)
#define RETURNS(x, p) CHANGE(!HAS(L, x) && HAS(S, x), L | BIT(x), S, J, I, p)
#define JOINS(x, p)                                                                                \
    CHANGE(!HAS(S, x) && WITHOUT(J, x) == 0, L | BIT(x), S, BIT(x), newest + 1, p)                 \
    CHANGE(HAS(J & named[newest] & REPORTED(newest), x), L, S | BIT(x), WITHOUT(J, x), I, p)       \
    CHANGE(HAS(J, x), L, S, WITHOUT(J, x), I, p)
#define CHANGE_PRIMARY(p) CHANGE(true, L, S, J, I, p)

#define ANY_NODE(STEP) STEP(0) STEP(1) STEP(2)
#define ANY_NODE_AND(STEP, x) STEP(0, x) STEP(1, x) STEP(2, x)
#if WRITES > 2
#define ANY_VERSION(STEP) ANY_NODE_AND(STEP, 1) ANY_NODE_AND(STEP, 2) ANY_NODE_AND(STEP, 3)
#else
#define ANY_VERSION(STEP) ANY_NODE_AND(STEP, 1) ANY_NODE_AND(STEP, 2)
#endif

active proctype cluster()
{
    d_step {
        newest = 1;
        live[1] = FIRST_LIVE;
        named[1] = FIRST_LIVE;
        primary[1] = FIRST_PRIMARY;
        list[1] = FIRST_LIST;
        joining[1] = FIRST_JOINING;
        join_id[1] = (FIRST_JOINING != 0 -> 1 : 0);
        stamp[0] = 1;
        before[0] = 1;
        known = 1;
        committed = 1;
        epoch[0] = 1;
        epoch[1] = 1;
        epoch[2] = 1;
        sync_to = NOBODY
    }
    do
    ANY_NODE_AND(ORDER, 0)
#ifdef DELETES
    ANY_NODE_AND(ORDER, 1)
    ANY_NODE(DROP_CERTIFICATE)
#endif
    ANY_VERSION(RECEIVE)
    ANY_NODE(PERSIST)
    ANY_VERSION(COMMIT)
    ANY_NODE(VALIDATE)
    ANY_NODE_AND(COLLECT, 0)
    ANY_NODE_AND(COLLECT, 1)
    ANY_NODE_AND(COLLECT, 2)
    ANY_NODE(TAKE_OVER)
#ifdef JOINING
    ANY_NODE_AND(ANSWER, 0)
    ANY_NODE_AND(ANSWER, 1)
    ANY_NODE_AND(ANSWER, 2)
#ifndef SYNC_AT_ONCE
    ANY_NODE(SYNC)
#endif
    ANY_NODE(REPORT)
#endif
    ANY_NODE_AND(RESTART, 0)
    ANY_NODE_AND(RESTART, 1)
    ANY_NODE_AND(LEARN, 2)
    ANY_NODE_AND(LEARN, 3)
#if EPOCHS > 3
    ANY_NODE_AND(LEARN, 4)
#endif
    ANY_NODE_AND(LEAVES, 0)
    ANY_NODE_AND(RETURNS, 0)
#ifdef JOINING
    ANY_NODE_AND(JOINS, 0)
#endif
#ifndef ONE_PRIMARY
    ANY_NODE(CHANGE_PRIMARY)
    ANY_NODE_AND(LEAVES, 1)
    ANY_NODE_AND(LEAVES, 2)
    ANY_NODE_AND(LEAVES, NOBODY)
    ANY_NODE_AND(RETURNS, 1)
    ANY_NODE_AND(RETURNS, 2)
#ifdef JOINING
    ANY_NODE_AND(JOINS, 1)
    ANY_NODE_AND(JOINS, 2)
    ANY_NODE_AND(JOINS, NOBODY)
#endif
#endif
    od
}
