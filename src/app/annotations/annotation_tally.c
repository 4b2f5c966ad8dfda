#include "app/annotations/annotation_tally.h"

#include "app/annotations/members.h"
#include "app/annotations/utc_time.h"
#include "base/check.h"

void annotation_tally_add(struct annotation_tally *tally, struct slice channel,
                          const struct scan_entry *scanned)
{
    struct annotation_entry entry;
    if (annotation_entry_of_scan(channel, scanned, &entry) != ERR_OK) {
        tally->unreadable++;
        return;
    }
    tally->annotations++;
    tally->conflicts += entry.conflicts.length > 0;
    if (entry.annotation.modified_ms > tally->modified_ms)
        tally->modified_ms = entry.annotation.modified_ms;
}

json_t *annotation_tally_to_json(const struct annotation_tally *tally, struct slice channel)
{
    struct buf time;
    json_t *object = json_object();
    CHECK(object != NULL);
    buf_init(&time, 64);
    utc_time_append(&time, tally->modified_ms);
    members_put(object, "name", members_string("", channel));
    members_put(object, "annotations", json_integer((json_int_t)tally->annotations));
    members_put(object, "conflicts", json_integer((json_int_t)tally->conflicts));
    members_put(object, "unreadable", json_integer((json_int_t)tally->unreadable));
    members_put(object, "modified",
                tally->annotations > 0 ? members_string("", buf_slice(&time)) : json_null());
    buf_release(&time);
    return object;
}
