#include "app/annotations/annotation_entry.h"

#include "app/annotations/annotation_json.h"
#include "app/annotations/members.h"
#include "base/check.h"

enum err annotation_entry_read(struct slice channel, const struct annotation_id *id,
                               const struct version_entry *winner, struct slice conflicts,
                               struct annotation_entry *out)
{
    enum err error = annotation_decode(id, winner->value, &out->annotation);
    if (error != ERR_OK)
        return error;
    if (!slice_equal(out->annotation.channel, channel))
        return ERR_INVALID;
    out->stamp = winner->stamp;
    out->is_stable = winner->is_stable;
    out->value = winner->value;
    out->conflicts = conflicts;
    return ERR_OK;
}

enum err annotation_entry_of_scan(struct slice channel, const struct scan_entry *scanned,
                                  struct annotation_entry *out)
{
    struct annotation_id id;
    struct version_entry winner;
    struct cursor in = cursor_of(scanned->versions);
    enum err error = annotation_key_decode(scanned->key, &id);
    if (error != ERR_OK)
        return error;
    if (!version_entry_next(&in, &winner))
        return ERR_INVALID;
    return annotation_entry_read(channel, &id, &winner, slice_of(in.next, cursor_left(&in)), out);
}

enum err annotation_entry_find(const struct annotation_entry *entry, struct stamp version,
                               struct version_entry *out)
{
    struct cursor in = cursor_of(entry->conflicts);
    *out = (struct version_entry){
        .stamp = entry->stamp, .is_stable = entry->is_stable, .value = entry->value};
    bool more = true;
    while (more && stamp_compare(out->stamp, version) != 0)
        more = version_entry_next(&in, out);
    return more ? ERR_OK : ERR_NOT_FOUND;
}

static void put_version(json_t *object, struct stamp stamp, bool is_stable)
{
    char text[STAMP_TEXT_BYTES];
    stamp_format(stamp, text);
    members_put(object, "state", json_string(is_stable ? "stable" : "tentative"));
    members_put(object, "version", json_string(text));
}

static json_t *conflict_to_json(const struct annotation_id *id, const struct version_entry *version)
{
    struct annotation annotation;
    enum err error = annotation_decode(id, version->value, &annotation);
    json_t *object = error == ERR_OK ? annotation_to_json(&annotation) : json_object();
    CHECK(object != NULL);
    put_version(object, version->stamp, version->is_stable);
    return object;
}

json_t *annotation_entry_to_json(const struct annotation_entry *entry)
{
    struct cursor in = cursor_of(entry->conflicts);
    struct version_entry version;
    json_t *object = annotation_to_json(&entry->annotation);
    json_t *conflicts = json_array();
    put_version(object, entry->stamp, entry->is_stable);
    members_put(object, "conflicts", conflicts);
    while (version_entry_next(&in, &version))
        members_append(conflicts, conflict_to_json(&entry->annotation.id, &version));
    return object;
}
