// Protocol rules that a test can break on purpose.
//
// In a normal build RULE(x) is the constant true and costs nothing. In the mutants build one rule
// at a time can be broken by name, so that a test shows that the simulator notices: a check that
// was never seen to fail is not a check.
#ifndef BRUSIO_BASE_RULE_H
#define BRUSIO_BASE_RULE_H

#define RULE_TABLE(X)                                                                              \
    X(FRESH_ACKS, "fresh-acks")             /* ACKs start afresh in each epoch */                  \
    X(WHOLE_LIST, "whole-list")             /* a commit needs every list member, down ones too */  \
    X(TAKEOVER, "takeover")                 /* in-flight records are re-sent in each new map */    \
    X(GREATEST_RECORD, "greatest-record")   /* a new primary orders on the greatest record */      \
    X(JOINER_IN_FLIGHT, "joiner-in-flight") /* in flight at the authority: so at the joiner */     \
    X(KEEP_CERTIFICATE, "keep-certificate") /* certificates stay while someone joins */            \
    X(EPOCH_STAMPS, "epoch-stamps")         /* a stamp is above all of earlier epochs */           \
    X(KEEP_MARKS, "keep-marks")             /* what was in flight is so after a restart */         \
    X(JOIN_ID, "join-id")                   /* a promotion is of this very join */                 \
    X(LEASE, "lease")                       /* a node serves only while it holds a lease */        \
    X(LEASE_RAN_OUT, "lease-ran-out")       /* restricted only when the grants have run out */     \
    X(WITHHOLD, "withhold")                 /* nothing is granted to who is restricted */          \
    X(RESTART_WAIT, "restart-wait")         /* a restarted voter waits for one lease */            \
    X(NEW_VOTER_WAIT, "new-voter-wait")     /* so does one of a changed set of voters */           \
    X(RELEASE_EPOCH, "release-epoch")       /* a release is for one base epoch */                  \
    X(LONGEST_PREFIX, "longest-prefix") /* of suspects the one with the greatest stamp counts */   \
    X(PREFIX_MARKS, "prefix-marks")     /* who was only joining has no prefix */                   \
    X(PREFIX_SWEPT, "prefix-swept")     /* a prefix reaches as far as the deletes swept from it */ \
    X(FRESH_ORIGIN, "fresh-origin")     /* a run writes under an origin of its own */              \
    X(TIDY_CONTEXT, "tidy-context")     /* a header goes only if others cover all it covers */     \
    X(HORIZON, "horizon")               /* garbage is dropped under the horizon only */            \
    X(CLOSE_LAST, "close-last")         /* knowledge is taken over when a session ends well */     \
    X(BEHIND, "behind") /* who missed what was dropped since compares everything */                \
    X(DROP_UNDER_HORIZON, "drop-under-horizon") /* what is dead elsewhere is dropped */            \
    X(BUNDLE_SINCE, "bundle-since") /* a bundle's close counts for who knows its beginning */      \
    X(LIST_AGAIN, "list-again")     /* what became live behind the list is listed again */

enum rule {
#define X(name, text) RULE_##name,
    RULE_TABLE(X)
#undef X
        RULE_COUNT
};

// "fresh-acks"; never NULL.
const char *rule_name(enum rule rule);

#ifdef BRUSIO_MUTANTS
extern enum rule rule_broken; // RULE_COUNT: none
#define RULE(name) (rule_broken != RULE_##name)
#else
#define RULE(name) 1
#endif

#endif
