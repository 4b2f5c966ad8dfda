// The search for an order of the operations of one history.
//
// Only sure operations are ordered. One of unknown outcome is taken right before the sure operation
// that needs it, and never otherwise: between taking it and the next sure operation nothing could
// tell, so that any order that exists can be rewritten so. Those that nobody saw are alike but for
// their conditions, hence taken in a fixed order, and the search branches on sure operations almost
// alone.
#ifndef BRUSIO_SIM_LINEAR_SEARCH_H
#define BRUSIO_SIM_LINEAR_SEARCH_H

#include "sim/linear_meaning.h"

// Fills the history's prefix. `states`: how many were explored, at most history->states_max.
enum linear_answer linear_search(struct linear_history *history,
                                 const struct linear_meanings *meanings, uint32_t *states);

#endif
