#include "treat/send.h"

#include "base/text.h"

#include <strings.h>

/* ---- normal forms ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static st_str trimmed(st_arena *a, st_str s)
{
    (void)a;
    return st_text_trim(s);
}

static st_str trimmed_lower(st_arena *a, st_str s)
{
    return st_text_lower(a, st_text_trim(s));
}

/* Keeps the bytes that `keep` wants; those of characters beyond ASCII are always wanted. */
static st_str only(st_arena *a, st_str s, bool (*keep)(char c))
{
    char *to = st_alloc(a, (size_t)s.n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80 || keep(s.p[i])) to[n++] = s.p[i];
    return (st_str){to, n};
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c);
}

static bool is_word(char c)
{
    return is_letter(c) || c == ' ';
}

static bool is_dark(char c)
{
    return c != ' ' && (c < '\t' || c > '\r');
}

/* In lower case, without punctuation. */
static st_str words(st_arena *a, st_str s)
{
    return st_text_trim(only(a, st_text_lower(a, s), is_word));
}

/* In lower case, without punctuation and blanks. */
static st_str letters(st_arena *a, st_str s)
{
    return only(a, st_text_lower(a, s), is_letter);
}

static st_str digits(st_arena *a, st_str s)
{
    char *to = st_alloc(a, (size_t)s.n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        if (is_digit(s.p[i])) to[n++] = s.p[i];
    return (st_str){to, n};
}

/* The digits of a telephone number, without the zeros of 0049 or 0170 in front. */
static st_str number(st_arena *a, st_str s)
{
    st_str d = digits(a, s);
    while (d.n && d.p[0] == '0') d.p++, d.n--;
    return d;
}

/* E.164 */
static st_str number_with_plus(st_arena *a, st_str s)
{
    st_str d = number(a, s);
    if (!d.n) return d;
    char *to = st_alloc(a, (size_t)d.n + 1);
    to[0] = '+';
    memcpy(to + 1, d.p, d.n);
    return (st_str){to, d.n + 1};
}

/* An address as Google compares it: no blanks at all; of its own mailboxes the dots and what stands behind a plus sign do not
 * matter. */
static st_str address_without_dots(st_arena *a, st_str s)
{
    st_str all = only(a, st_text_lower(a, s), is_dark);
    bool own = st_text_ends(all, ST_STR("@gmail.com")) || st_text_ends(all, ST_STR("@googlemail.com"));
    if (!own) return all;
    char *to = st_alloc(a, (size_t)all.n + 1);
    uint32_t n = 0, at = 0, sign = all.n;
    while (all.p[sign - 1] != '@') sign--;
    sign--;
    for (; at < sign && all.p[at] != '+'; at++)
        if (all.p[at] != '.') to[n++] = all.p[at];
    memcpy(to + n, all.p + sign, all.n - sign);
    return (st_str){to, n + all.n - sign};
}

/* Without blanks and dashes; of an American 94035-1234 the first five digits. */
static st_str postcode(st_arena *a, st_str s)
{
    st_str t = st_text_trim(s);
    bool american = t.n == 10 && t.p[5] == '-';
    for (uint32_t i = 0; i < t.n && american; i++) american = i == 5 || is_digit(t.p[i]);
    return american ? (st_str){t.p, 5} : letters(a, t);
}

/* female, F: f */
static st_str initial(st_arena *a, st_str s)
{
    st_str t = trimmed_lower(a, s);
    return (st_str){t.p, ST_MIN(t.n, 1)};
}

/* A telephone number is one by what it looks like. */
static st_str general(st_arena *a, st_str s)
{
    uint32_t n = 0;
    bool plain = true;
    for (uint32_t i = 0; i < s.n && plain; i++) {
        n += is_digit(s.p[i]);
        plain = is_digit(s.p[i]) || (s.p[i] && strchr(" \t\r\n\v\f+().-/", s.p[i]));
    }
    return plain && n >= 7 ? number(a, s) : trimmed_lower(a, s);
}

/* ---- which ---- */

typedef st_str (*normal_form)(st_arena *a, st_str s);
enum { GOOGLE, META };
static const struct {
    const char *name;
    int whose;
    normal_form form;
} forms[] = {
#define FORM(NAME, WHOSE, HOW) {NAME, WHOSE, HOW},
#include "treat/forms.def"
#undef FORM
};

static normal_form form_of(const char *as)
{
    for (size_t i = 0; i < ST_COUNT(forms); i++)
        if ((forms[i].whose == GOOGLE ? strcmp : strcasecmp)(forms[i].name, as) == 0) return forms[i].form;
    return general;
}

st_str st_send_normal(st_arena *a, const char *as, st_str text)
{
    return form_of(as)(a, text);
}

bool st_send_hash(st_arena *a, const char *as, st_str text, char hex[64])
{
    static const char figures[] = "0123456789abcdef";
    st_str s = st_send_normal(a, as, text);
    if (!s.n) return false;
    uint8_t sum[32];
    st_sha256(s.p, s.n, sum);
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = figures[sum[i] >> 4];
        hex[2 * i + 1] = figures[sum[i] & 15];
    }
    return true;
}

/* ---- spreadsheets ---- */

st_str st_send_harmless(st_arena *a, st_str text)
{
    if (!text.n || !memchr("=+-@\t\r", text.p[0], 6)) return text;
    bool signs = text.p[0] == '+' || text.p[0] == '-';
    for (uint32_t i = 1; i < text.n && signs; i++)
        signs = is_digit(text.p[i]) || (text.p[i] && strchr(" ().-/", text.p[i]));
    if (signs && text.n > 1) return text;
    char *to = st_alloc(a, (size_t)text.n + 1);
    to[0] = '\'';
    memcpy(to + 1, text.p, text.n);
    return (st_str){to, text.n + 1};
}
