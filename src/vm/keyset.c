/* Keys of a list, found by their hash: open addressing, at most half full. */
#include "vm/parts.h"

static uint64_t hash_of(const st_list *keys, uint32_t i)
{
    return keys->ints ? st_hash_bytes(&keys->ints[i], sizeof keys->ints[i])
                      : st_hash_bytes(keys->texts[i].p, keys->texts[i].n);
}

st_key_set *st_key_set_new(st_arena *a, const st_list *keys)
{
    st_key_set *s = st_new(a, st_key_set);
    uint32_t size = 2;
    while (size / 2 <= keys->n) size *= 2;
    *s = (st_key_set){keys, st_new_n(a, uint32_t, size), size - 1};
    for (uint32_t i = 0; i < keys->n; i++) {
        uint32_t at = (uint32_t)hash_of(keys, i) & s->mask;
        while (s->places[at]) at = (at + 1) & s->mask;
        s->places[at] = i + 1;
    }
    return s;
}

bool st_key_set_has_text(const st_key_set *s, st_str text)
{
    uint32_t at = (uint32_t)st_hash_bytes(text.n ? text.p : "", text.n) & s->mask;
    for (; s->places[at]; at = (at + 1) & s->mask)
        if (st_str_eq(s->keys->texts[s->places[at] - 1], text)) return true;
    return false;
}

bool st_key_set_has_int(const st_key_set *s, int64_t x)
{
    uint32_t at = (uint32_t)st_hash_bytes(&x, sizeof x) & s->mask;
    for (; s->places[at]; at = (at + 1) & s->mask)
        if (s->keys->ints[s->places[at] - 1] == x) return true;
    return false;
}
