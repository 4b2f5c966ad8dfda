// Agreement on the next map, with leases (rules 1, 3, 4, 7 to 10 and 12 as far as they are safety).
//
// Properties: each epoch has one map; a node that serves under a map is restricted by no later one.
//
// Three voters and one member, the holder, whose leases are followed. What a map says of other
// members cannot matter to it, so a map is: who votes, and is the holder live. Epochs go from 1 to
// EPOCHS; each map is decided by single-decree Paxos, of BALLOTS ballots, among the voters of the
// one before.
//
// Messages are facts that stay true: what a ballot proposes, who promised it, who accepted it, what
// is decided, what is released. A step may use a fact at any time after, or never: thus messages
// are lost, late, out of order and repeated.
//
// Time is the order in which leases end. `leases` has the voters whose lease to the holder runs, or
// is under way to it. `waits[v]` has those whose lease ran when v last began to wait (it granted
// one, was restarted, learned other voters) and still runs. Leases are equally long and the holder
// counts from sending, so those end before v's wait does, and v knows nothing of leases granted
// since. A lease ends only when somebody has waited for it: one that ends sooner only serves less.
//
// A ballot's map is chosen when the first voter accepts it, for until then it matters to nobody.
//
// The holder and the voters are apart, each learns maps by itself, and voters restart alone: one
// process that is both does less. A holder that is started again does less than one that loses its
// leases.
//
// Next voters are 0, 1 or all, with EVERY_VOTER also 2, with SINGLE_VOTERS never all. AGREEMENT
// looks at the first property only.

#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef BALLOTS
#define BALLOTS 2
#endif
#ifndef FIRST_VOTERS
#define FIRST_VOTERS 7
#endif

// What a mutant leaves out.
#ifdef MUTANT_FORGET
#define FORGOT(v) forgot[v]
bool forgot[3];
#else
#define FORGOT(v) false
#endif
#ifdef MUTANT_PROPOSE_ANYTHING
#define ADOPTS false
#else
#define ADOPTS true
#endif
#ifdef MUTANT_ACCEPT_UNDER_LEASE
#define HEEDS_LEASES false
#else
#define HEEDS_LEASES true
#endif
#ifdef MUTANT_RELEASE_ANY_EPOCH
#define RELEASED_TO(v) released
#define RELEASES_KEPT released
#else
#define RELEASES_KEPT 0
#define RELEASED_TO(v) (released & BIT(epoch[v]))
#endif
#ifdef MUTANT_GRANT_UNEQUAL_EPOCHS
#define AT_EQUAL_EPOCHS(v) true
#else
#define AT_EQUAL_EPOCHS(v) (holder_was & BIT(epoch[v]))
#endif
#ifdef MUTANT_GRANT_AFTER_ACCEPT
#define TAKES_SERVING(v) false
#else
#define TAKES_SERVING(v) (IS_MAP(ACCEPTED(v)) && !IS_LIVE(ACCEPTED(v)))
#endif
#ifdef MUTANT_GRANT_AFTER_NEW_VOTERS
#define CHANGES_VOTERS(v) false
#else
#define CHANGES_VOTERS(v)                                                                          \
    (IS_MAP(ACCEPTED(v)) && VOTERS(ACCEPTED(v)) != VOTERS(decided[epoch[v]]))
#endif
#ifdef MUTANT_NEW_VOTER_AT_ONCE
#define MUST_WAIT(v, e) false
#else
#ifdef MUTANT_SKIP_UNSEEN
#define MUST_WAIT(v, e) (VOTERS(decided[e]) != VOTERS(decided[epoch[v]]))
#else
#define MUST_WAIT(v, e) (VOTERS(decided[e]) != VOTERS(decided[epoch[v]]) || e > epoch[v] + 1)
#endif
#endif
#ifdef MUTANT_RESTART_AT_ONCE
#define WAITS_AT_START 0
#else
#define WAITS_AT_START leases
#endif

// A witness is an event that must be possible, claimed not to be.
#ifdef WITNESS_RESTRICTED
#define WITNESS_DECIDED(base) assert(base < 2 || leases == 0 || IS_LIVE(decided[base + 1]))
#else
#define WITNESS_DECIDED(base) skip
#endif
#ifdef WITNESS_SERVES_ANEW
#define WITNESS_HOLDER assert(!SERVES || VOTERS(decided[holder_epoch]) == FIRST_VOTERS)
#else
#define WITNESS_HOLDER skip
#endif

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) >> (n)) & 1)
#define COUNT(set) (HAS(set, 0) + HAS(set, 1) + HAS(set, 2))
#define MAJORITY(set, all) (2 * COUNT((set) & (all)) > COUNT(all))

// A map is a byte: a set of voters, never empty, and LIVE. 0 is no map.
#define LIVE 8
#define VOTERS(map) ((map) & 7)
#define IS_LIVE(map) ((map) & LIVE)
#define IS_MAP(map) ((map) != 0)

// What the ballots of an instance came to, at AT(base epoch, ballot).
#define AT(base, ballot) (((base) - 1) * BALLOTS + (ballot) - 1)
#define ALL_BALLOTS ((EPOCHS - 1) * BALLOTS)
byte proposed[ALL_BALLOTS];
byte promised[ALL_BALLOTS]; // by whom
byte accepted[ALL_BALLOTS]; // by whom

byte decided[EPOCHS + 1]; // the map of each epoch
byte epoch[3];            // of the newest map that each voter knows
byte waits[3];
byte leases;
hidden byte ended;
byte holder_epoch;
byte holder_was; // the epochs in which the holder asked for leases
byte released;   // the epochs that it released

#define SERVES                                                                                     \
    (IS_LIVE(decided[holder_epoch]) && !HAS(released, holder_epoch) &&                             \
     MAJORITY(leases, VOTERS(decided[holder_epoch])))
#define RESTRICTS(e) (e > holder_epoch && IS_MAP(decided[e]) && !IS_LIVE(decided[e]))
#if EPOCHS == 2
#define RESTRICTED RESTRICTS(2)
#endif
#if EPOCHS == 3
#define RESTRICTED (RESTRICTS(2) || RESTRICTS(3))
#endif
#if EPOCHS == 4
#define RESTRICTED (RESTRICTS(2) || RESTRICTS(3) || RESTRICTS(4))
#endif

// The newest ballot in which v accepted, and what.
#if BALLOTS == 3
#define NEWEST(v)                                                                                  \
    (HAS(accepted[AT(epoch[v], 3)], v) -> 3                                                        \
                                       : (HAS(accepted[AT(epoch[v], 2)], v)                        \
                                              -> 2                                                 \
                                              : HAS(accepted[AT(epoch[v], 1)], v)))
#define BOUND_ABOVE(v, b) ((b < 2 && IS_BOUND(v, 2)) || (b < 3 && IS_BOUND(v, 3)))
#else
#define NEWEST(v) (HAS(accepted[AT(epoch[v], 2)], v) -> 2 : HAS(accepted[AT(epoch[v], 1)], v))
#define BOUND_ABOVE(v, b) (b < 2 && IS_BOUND(v, 2))
#endif
#define ACCEPTED(v) (NEWEST(v) == 0 -> 0 : proposed[AT(epoch[v], NEWEST(v))])
#define IS_BOUND(v, b)                                                                             \
    (HAS(promised[AT(epoch[v], b)] | accepted[AT(epoch[v], b)], v) && !FORGOT(v))

#define IS_VOTER(v) HAS(VOTERS(decided[epoch[v]]), v)

// With AGREEMENT, instances go on for ever and there are no leases: this checks that each epoch has
// one map. Without, an instance ends once it is decided: all that a voter could accept afterwards
// is the decided map, and who accepts it only grants less.
#ifdef AGREEMENT
#define IS_OPEN(base) IS_MAP(decided[base])
#else
#define IS_OPEN(base) (IS_MAP(decided[base]) && !IS_MAP(decided[base + 1]))
#endif

// Nobody is below ballot 1. Else what b may propose follows from a majority that promised it: the
// map of the highest ballot below in which one of them accepted, or any, if none did.
#define LOWER(base, b) (accepted[AT(base, 1)] | (b == 3 -> accepted[AT(base, 2)] : 0))
#define HIGHER(base, b, from) ((b == 3 && from == 1) -> accepted[AT(base, 2)] : 0)
#define IS_FREE(base, b)                                                                           \
    (b == 1 ||                                                                                     \
     MAJORITY(promised[AT(base, b)] & ~(ADOPTS -> LOWER(base, b) : 0), VOTERS(decided[base])))
#define MUST_ADOPT(base, b, from)                                                                  \
    (MAJORITY(promised[AT(base, b)] & ~HIGHER(base, b, from), VOTERS(decided[base])) &&            \
     (promised[AT(base, b)] & ~HIGHER(base, b, from) & accepted[AT(base, from)]))

#define IN_OPEN(v) (IS_OPEN(epoch[v]) && IS_VOTER(v))
#define PROMISE(v, b)                                                                              \
    ::d_step { IN_OPEN(v) && !HAS(promised[AT(epoch[v], b)], v) && !BOUND_ABOVE(v, b) ->           \
               promised[AT(epoch[v], b)] = promised[AT(epoch[v], b)] | BIT(v) }

// Rule 8. What is accepted is acceptable again: since then v granted nothing.
#define MUST_WAIT_OUT(v, map)                                                                      \
    (HEEDS_LEASES && !IS_LIVE(map) && IS_LIVE(decided[epoch[v]]) && !RELEASED_TO(v) &&             \
     ACCEPTED(v) != map)
#define MAY_ACCEPT(v, b)                                                                           \
    (IN_OPEN(v) && !HAS(accepted[AT(epoch[v], b)], v) && !BOUND_ABOVE(v, b))
#define ACCEPT(v, b)                                                                               \
    ::d_step { MAY_ACCEPT(v, b) && IS_MAP(proposed[AT(epoch[v], b)]) ->                            \
               accept(v, b, proposed[AT(epoch[v], b)]) }
#define ACCEPT_NEW(v, b, map)                                                                      \
    ::d_step { MAY_ACCEPT(v, b) && !IS_MAP(proposed[AT(epoch[v], b)]) && IS_FREE(epoch[v], b) ->   \
               accept(v, b, map) }
#define ACCEPT_ADOPTED(v, b, from)                                                                 \
    ::d_step { MAY_ACCEPT(v, b) && !IS_MAP(proposed[AT(epoch[v], b)]) &&                           \
               MUST_ADOPT(epoch[v], b, from) ->                                                    \
               accept(v, b, proposed[AT(epoch[v], from)]) }

inline accept(v, b, map)
{
    if
    :: MUST_WAIT_OUT(v, map) -> end_leases(waits[v])
    :: else
    fi;
    proposed[AT(epoch[v], b)] = map;
    accepted[AT(epoch[v], b)] = accepted[AT(epoch[v], b)] | BIT(v);
    decide(epoch[v], b)
}

inline end_leases(set)
{
    ended = set;
    leases = leases & ~ended;
    waits[0] = waits[0] & ~ended;
    waits[1] = waits[1] & ~ended;
    waits[2] = waits[2] & ~ended;
    ended = 0
}

inline decide(base, b)
{
    if
    :: MAJORITY(accepted[AT(base, b)], VOTERS(decided[base])) ->
        assert(!IS_MAP(decided[base + 1]) || decided[base + 1] == proposed[AT(base, b)]);
        decided[base + 1] = proposed[AT(base, b)];
        forget_instance(base);
        WITNESS_DECIDED(base);
        assert(!SERVES || !RESTRICTED)
    :: else
    fi
}

// What no step can use any more is the same in every state.
inline forget_instance(base)
{
#ifdef AGREEMENT
    skip
#else
    promised[AT(base, 1)] = 0;
    promised[AT(base, 2)] = 0;
    forget_ballot(base, 1);
    forget_ballot(base, 2)
#endif
}

inline forget_ballot(base, b)
{
    if
    :: accepted[AT(base, b)] == 0 -> proposed[AT(base, b)] = 0
    :: else
    fi
}

// Rule 10.
#define LEARN(v, e)                                                                                \
    ::d_step { e > epoch[v] && IS_MAP(decided[e]) -> learn(v, e) }
inline learn(v, e)
{
    waits[v] = (MUST_WAIT(v, e) -> leases : waits[v]);
#ifndef AGREEMENT
    accepted[AT(epoch[v], 1)] = accepted[AT(epoch[v], 1)] & ~BIT(v);
    accepted[AT(epoch[v], 2)] = accepted[AT(epoch[v], 2)] & ~BIT(v);
    forget_ballot(epoch[v], 1);
    forget_ballot(epoch[v], 2);
#endif
    epoch[v] = e
}

#ifdef MUTANT_FORGET
#define RESTART(v) ::d_step { !forgot[v] -> forgot[v] = true }
#else
#define RESTART(v) ::d_step { waits[v] != WAITS_AT_START -> waits[v] = WAITS_AT_START }
#endif

// Rules 7, 8 (second half) and 9. Who waits for v's older lease does not wait for this one.
#define GRANT(v)                                                                                   \
    ::d_step { IS_VOTER(v) && AT_EQUAL_EPOCHS(v) && !TAKES_SERVING(v) && !CHANGES_VOTERS(v) &&     \
               IS_NEWS(v) ->                                                                       \
               leases = leases | BIT(v);                                                           \
               waits[0] = waits[0] & ~BIT(v);                                                      \
               waits[1] = waits[1] & ~BIT(v);                                                      \
               waits[2] = waits[2] & ~BIT(v);                                                      \
               waits[v] = waits[v] | BIT(v);                                                       \
               WITNESS_HOLDER;                                                                     \
               assert(!SERVES || !RESTRICTED) }
#define WAITING_FOR(v) (HAS(waits[0], v) + HAS(waits[1], v) + HAS(waits[2], v))
#define IS_NEWS(v) (!HAS(leases, v) || !HAS(waits[v], v) || WAITING_FOR(v) > 1)

#define HOLDER_LEARN(e)                                                                            \
    ::d_step { e > holder_epoch && IS_MAP(decided[e]) ->                                           \
               released = RELEASES_KEPT;                                                           \
               holder_epoch = e;                                                                   \
               holder_was = holder_was | BIT(e);                                                   \
               WITNESS_HOLDER;                                                                     \
               assert(!SERVES || !RESTRICTED) }
// Rule 12: at any time, for whatever reason.
#define HOLDER_RELEASE                                                                             \
    ::d_step { !HAS(released, holder_epoch) -> released = released | BIT(holder_epoch) }

#define ANY_VOTER(STEP) STEP(0) STEP(1) STEP(2)
#define ANY_VOTER_AND(STEP, x) STEP(0, x) STEP(1, x) STEP(2, x)
#define ANY_VOTER_AND_TWO(STEP, x, y) STEP(0, x, y) STEP(1, x, y) STEP(2, x, y)
#ifdef EVERY_VOTER
#define ACCEPT_LAST(v, b) ACCEPT_NEW(v, b, 4) ACCEPT_NEW(v, b, 4 + LIVE)
#else
#define ACCEPT_LAST(v, b)
#endif
#ifdef SINGLE_VOTERS
#define ACCEPT_ALL(v, b)
#else
#define ACCEPT_ALL(v, b) ACCEPT_NEW(v, b, 7) ACCEPT_NEW(v, b, 7 + LIVE)
#endif
#define ACCEPT_ANY(v, b)                                                                           \
    ACCEPT(v, b) ACCEPT_ALL(v, b) ACCEPT_NEW(v, b, 1) ACCEPT_NEW(v, b, 1 + LIVE)                   \
    ACCEPT_NEW(v, b, 2) ACCEPT_NEW(v, b, 2 + LIVE) ACCEPT_LAST(v, b)

active proctype cluster()
{
    d_step {
        decided[1] = FIRST_VOTERS + LIVE;
        epoch[0] = 1;
        epoch[1] = 1;
        epoch[2] = 1;
        holder_epoch = 1;
        holder_was = BIT(1)
    }
    do
    ANY_VOTER_AND(ACCEPT_ANY, 1)
    ANY_VOTER_AND(PROMISE, 2)
    ANY_VOTER_AND(ACCEPT_ANY, 2)
    ANY_VOTER_AND_TWO(ACCEPT_ADOPTED, 2, 1)
#if BALLOTS == 3
    ANY_VOTER_AND(PROMISE, 3)
    ANY_VOTER_AND(ACCEPT_ANY, 3)
    ANY_VOTER_AND_TWO(ACCEPT_ADOPTED, 3, 1)
    ANY_VOTER_AND_TWO(ACCEPT_ADOPTED, 3, 2)
#endif
#ifndef AGREEMENT
#if EPOCHS > 2
    ANY_VOTER_AND(LEARN, 2)
    HOLDER_LEARN(2)
#endif
#if EPOCHS > 3
    ANY_VOTER_AND(LEARN, 3)
    HOLDER_LEARN(3)
#endif
    ANY_VOTER(GRANT)
    HOLDER_RELEASE
#endif
#if !defined(AGREEMENT) || defined(MUTANT_FORGET)
    ANY_VOTER(RESTART)
#endif
    od
}
