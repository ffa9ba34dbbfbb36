/* SPDX-License-Identifier: Apache-2.0 */
/* Results: an honest one is believed, and whatever one changes in it names itself. */
#include "query/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query/test_forge.h"
#include "tests/tap.h"

static struct forged f;
static uint8_t file[RESULT_FILE_MAX], again[RESULT_FILE_MAX];
static struct result result;
static struct result_checked checked;
static struct diag diag;
static struct query_key trusted_log;

/* The part that failed; RESULT_PARTS: none did. */
static enum result_part verdict(size_t size, const struct query_hash *asked)
{
    enum result_part part = RESULT_PART_FILE;
    diag.text[0] = '\0';
    if (result_read(BYTES(file, size), &result, &diag) != 0) {
        return RESULT_PART_FILE;
    }
    int err = result_check(&result, asked, &trusted_log, FORGED_TIME, &checked, &part, &diag);
    REQUIRE((err == 0) == (part == RESULT_PARTS) && (err == 0 || err == -EACCES));
    const char *text = result_part_text(part);
    REQUIRE(err == 0 || strncmp(diag.text, text, strlen(text)) == 0);
    return part;
}

/* Another manifest than the one whose hash the document names. */
static void remanifest(void)
{
    static uint8_t bytes[1024];
    struct writer w = writer_of(bytes, sizeof bytes);
    REQUIRE(manifest_encode(&f.manifest, &w, NULL) == 0);
    f.spec.manifest = BYTES(bytes, w.size);
}

static enum result_part seal(void)
{
    return verdict(forged_file(&f, file, sizeof file), NULL);
}

static void honest(void)
{
    static const char *const names[] = {"share", "histogram", "mean", "quantile", "od", "count"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        forged_example(&f, names[i]);
        trusted_log = f.log.key;
        size_t size = forged_file(&f, file, sizeof file);
        CHECK(verdict(size, &f.id) == RESULT_PARTS && checked.receipt.answered == 187 &&
                  checked.receipt.values[0] == f.receipt.values[0] &&
                  checked.newest.tree.size == 6 && checked.head.tree.size == 5 &&
                  checked.aggregator.root_kind == ALCOVE_ROOT_OTHER,
              "an honest result is believed: %s %s", names[i], diag.text);
    }
    size_t size = forged_file(&f, file, sizeof file);
    struct writer w = writer_of(again, sizeof again);
    REQUIRE(result_read(BYTES(file, size), &result, NULL) == 0);
    CHECK(result_write(&result, &w, NULL) == 0 &&
              bytes_equal(BYTES(file, size), BYTES(again, w.size)),
          "a file is written as it was read");
    f.asked_later = false;
    CHECK(seal() == RESULT_PARTS && checked.newest.tree.size == 0,
          "without a later head its growth is not claimed");
    f.bare = true;
    CHECK(seal() == RESULT_PARTS && result.time == 0 && !result.has_log_key,
          "the daemon's answer alone is read, too");
}

#define LIE(part, what, ...)                                                                       \
    do {                                                                                           \
        forged_example(&f, "share");                                                               \
        trusted_log = f.log.key;                                                                   \
        __VA_ARGS__;                                                                               \
        enum result_part found = seal();                                                           \
        CHECK(found == RESULT_PART_##part, what ": refused: %s", diag.text);                       \
    } while (0)

static void lies(void)
{
    struct query_hash other = {{1}};
    forged_example(&f, "share");
    size_t size = forged_file(&f, file, sizeof file);
    CHECK(verdict(size, &other) == RESULT_PART_DOCUMENT,
          "answers another question than was asked: refused: %s", diag.text);
    CHECK(verdict(size - 1, &other) == RESULT_PART_FILE, "cuts the file off: refused: %s",
          diag.text);
    LIE(DOCUMENT, "hands out a document that is none", f.document_size--);
    LIE(HEAD, "shows a log of its own", f.log = f.other);
    LIE(QUERY_LEAF, "says that the query is elsewhere in the log", f.query_index = 1);
    LIE(QUERY_LEAF, "hands out another analyst's document",
        *(uint8_t *)memmem(f.document, f.document_size, f.doc.analyst.data, 32) ^= 1);
    LIE(EVIDENCE, "signs a quote itself", f.spec.quote_key = KEY_STRANGER);
    LIE(EVIDENCE, "runs a debug enclave", f.spec.body.attributes.flags |= SGX_FLAGS_DEBUG);
    LIE(EVIDENCE, "lets a custodian speak", f.binding.purpose = BINDING_PURPOSE_CUSTODIAN);
    LIE(EVIDENCE, "uses the aggregator of another query", f.context[0] ^= 1);
    LIE(EVIDENCE, "keeps an aggregator for two weeks", f.binding.time -= 14 * 86400);
    LIE(EVIDENCE, "lets somebody own the aggregator", f.binding.has_owner = true);
    LIE(AGGREGATOR, "runs another aggregator", f.spec.body.mrenclave[0] ^= 1);
    LIE(AGGREGATOR, "runs the aggregator with another manifest", f.manifest.memory += 4096,
        remanifest());
    LIE(SIGNATURE, "signs the receipt with another key", f.signs = &f.other);
    LIE(SIGNATURE, "binds no key for receipts", f.binding.signing = BINDING_SIGNING_NONE,
        memset(f.binding.signing_key, 0, sizeof f.binding.signing_key));
    LIE(RECEIPT, "says that it cost less", f.receipt.cost--);
    LIE(RECEIPT, "says that the noise is narrower", f.receipt.bound95--);
    LIE(RECEIPT, "says that epsilon is smaller", f.receipt.epsilon_pico--);
    LIE(RECEIPT, "releases for too few people", f.receipt.answered = 9);
    LIE(RECEIPT, "hides an entry", f.receipt.suppressed[0] = true, f.receipt.values[0] = 0);
    LIE(RECEIPT, "leaves out an entry", f.receipt.entry_count--);
    LIE(RECEIPT, "signs for another program", f.receipt.mrenclave[0] ^= 1);
    LIE(RECEIPT, "signs for another script", f.receipt.bundle[0] ^= 1);
    LIE(RECEIPT, "signs for another query", f.receipt.query.data[0] ^= 1);
    LIE(TREE, "looked into another tree than it says", f.receipt.tree.root.data[0] ^= 1);
    LIE(TREE, "found the query elsewhere", f.receipt.log_index = 1);
    LIE(RELEASE_LEAF, "logs another release", f.has_released = true);
    LIE(RELEASE_LEAF, "says that the release is elsewhere", f.release_index = 3);
    LIE(GROWTH, "shows the aggregator another log", f.receipt.tree.root.data[0] ^= 1,
        f.context[AGGREGATOR_CONTEXT_SIZE - 32] ^= 1);
}

/* Evidence has bytes that nobody looks at; whatever is changed, the numbers stay. */
static void flips(void)
{
    forged_example(&f, "share");
    trusted_log = f.log.key;
    size_t size = forged_file(&f, file, sizeof file);
    const uint8_t *evidence = memmem(file, size, "evidence", 8);
    unsigned taken = 0, changed = 0;
    for (size_t i = 16; i < size; i += 41) { /* behind the time, which is the analyst's */
        bool inside = file + i > evidence && file + i < evidence + 8 + 4096 * 8;
        file[i] ^= 1;
        if (verdict(size, &f.id) == RESULT_PARTS) {
            taken += !inside;
            changed += memcmp(&checked.receipt, &f.receipt, sizeof f.receipt) != 0;
        }
        file[i] ^= 1;
    }
    CHECK(verdict(size, &f.id) == RESULT_PARTS && taken == 0 && changed == 0,
          "changes one byte of %zu: refused, or nothing comes of it", size);
}

int main(void)
{
    honest();
    lies();
    flips();
    return tap_done();
}
