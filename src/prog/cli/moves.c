#include "cli/moves.h"

#include "cli/interrupt.h"
#include "cli/progress.h"

#include <stdio.h>

// One time of waiting.
struct wait {
    struct progress progress;
    struct node_list list;
    uint64_t answered_ms; // when a node last answered
    uint64_t moved_ms;    // when the number of slots left last changed
    uint64_t left;
    bool stall_told;
};

bool moves_reached(struct moves_goal *goal, const struct node_list *list)
{
    const struct node_entry *entry = goal->kind == MOVES_MEMBER
                                         ? node_list_find_peer(list, goal->peer_address)
                                         : node_list_find(list, goal->id);
    if (goal->kind == MOVES_GONE)
        return entry == NULL;
    if (entry == NULL || !node_entry_up(entry))
        return false;
    goal->id = entry->id;
    return goal->kind == MOVES_MEMBER || node_list_moves_left(list) == 0;
}

static void tell_stall(struct wait *wait, const struct moves_goal *goal)
{
    progress_end(&wait->progress);
    if (goal->kind == MOVES_MEMBER)
        fprintf(stderr, "still waiting for a node at %s; Ctrl-C ends the waiting\n",
                goal->peer_address);
    else
        fprintf(stderr, "nothing has moved for a while: perhaps a node that is down alone holds "
                        "what is to move ('brusio nodes' shows it); Ctrl-C ends the waiting\n");
    wait->stall_told = true;
}

static void show(struct wait *wait, const struct moves_goal *goal, uint64_t now_ms)
{
    uint64_t left = node_list_moves_left(&wait->list);
    if (left != wait->left) {
        wait->left = left;
        wait->moved_ms = now_ms;
        wait->stall_told = false;
    }
    if (goal->kind != MOVES_MEMBER)
        progress_show(&wait->progress, left);
    if (!wait->stall_told && now_ms - wait->moved_ms >= MOVES_STALL_MS)
        tell_stall(wait, goal);
}

// One look at the cluster. True when there is nothing to wait for any more: the goal is reached, or
// `e` says why it cannot be.
static bool look(struct wait *wait, struct client *client, struct moves_goal *goal, enum err *e,
                 struct errmsg *detail)
{
    *e = node_list_fetch(&wait->list, client, detail);
    uint64_t now_ms = interrupt_now_ms();
    if (*e == ERR_DENIED || *e == ERR_CORRUPT)
        return true;
    if (*e != ERR_OK)
        return now_ms - wait->answered_ms >= MOVES_SILENCE_MS;
    wait->answered_ms = now_ms;
    bool reached = moves_reached(goal, &wait->list);
    show(wait, goal, now_ms);
    return reached;
}

enum err moves_await(const struct session *session, struct client *client, struct moves_goal *goal,
                     struct errmsg *detail)
{
    struct wait wait = {.answered_ms = interrupt_now_ms(), .moved_ms = interrupt_now_ms()};
    progress_init(&wait.progress, &session->output, "slots");
    node_list_init(&wait.list);
    enum err e;
    while (!look(&wait, client, goal, &e, detail)) {
        if (interrupt_seen()) {
            e = errmsg_set(detail, ERR_RETRY,
                           "interrupted: what was begun goes on; 'brusio nodes' shows it");
            break;
        }
        interrupt_sleep(MOVES_POLL_MS);
    }
    progress_end(&wait.progress);
    node_list_release(&wait.list);
    return e;
}
