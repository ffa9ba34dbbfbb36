/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed volumes, the part below names: trees of encrypted 4 KiB blocks in one file of the host,
 * and the root record that makes one consistent set of them the current state. docs/formats/
 * sealed-volume.md has the format, docs/decisions/011-sealed-volumes.md the reasons.
 *
 * Everything is written to free blocks first and becomes current by one root record, in the slot of
 * the two that the last one does not have: a crash at any write leaves the last acknowledged state.
 *
 * Trust: every byte that is read comes from the host. It is used only if it authenticates under a
 * reference that comes, by the same rule, from the root record, whose key only this enclave (or who
 * knows the program's key) can derive. What the host can do is refuse, or bring an older whole
 * state: the caller's minimum notices that. Called with the library OS's lock held. */
#pragma once

#include "runtime/rt.h"

#define VOLUME_BLOCK      4096u
#define VOLUME_FANOUT     128u /* references in a block */
#define VOLUME_HEIGHT_MAX 5u   /* 2^35 pages */
#define VOLUME_KEYS       64u  /* data keys alive at a time: what a root record has room for */
#define VOLUME_BATCH      (HOSTCALL_DATA_MAX / VOLUME_BLOCK)

/* Where a block is, and what proves that it is that one. block 0: a hole, all zeros. */
struct volume_ref {
    uint32_t block; /* in the host's file; 0 and 1 are the root records */
    uint32_t key;   /* index of its data key */
    uint64_t counter;
    uint8_t tag[16];
};
_Static_assert(sizeof(struct volume_ref) * VOLUME_FANOUT == VOLUME_BLOCK, "a node is one block");

/* Content of one file: pages, and the nodes of references above them. Zeroed: empty. */
struct volume_tree {
    uint64_t count[VOLUME_HEIGHT_MAX + 1]; /* references in each level; [0]: pages */
    uint64_t room[VOLUME_HEIGHT_MAX + 1];
    struct volume_ref *refs[VOLUME_HEIGHT_MAX + 1];
    uint8_t *dirty[VOLUME_HEIGHT_MAX + 1]; /* a byte per reference */
    unsigned height;                       /* the root reference is refs[height][0] */
    bool all_dirty;                        /* there was no memory to say which */
};

/* Where the key of root records comes from. The numbers are the format's. */
enum volume_key_kind { VOLUME_KEY_IDENTITY = 0, VOLUME_KEY_PROGRAM = 1 };

struct volume_minimum {
    uint64_t sequence; /* 0: anything goes */
    bool has_root;     /* the state with that very sequence must have this root */
    uint8_t root[32];
};

struct volume {
    size_t number; /* of the manifest's sealed mounts, for the host */
    struct bytes name;
    enum volume_key_kind key_kind;
    uint64_t
        blocks_max; /* how far the host's file may grow: bounds what we keep about its blocks */
    bool failed;    /* a commit failed: what is in memory cannot be acknowledged any more */

    uint64_t sequence;
    uint8_t root[32]; /* SHA-256 of the current root record as it stands in the file */
    uint64_t catalogue_size;
    struct volume_tree catalogue;

    uint64_t capacity; /* blocks of the host's file */
    uint8_t *used;     /* a byte per block: enum block_use */
    uint64_t cursor;

    uint64_t keys_known; /* bit per index */
    uint64_t key_blocks[VOLUME_KEYS];
    struct secret32 keys[VOLUME_KEYS];
    struct rt_gcm_key ready[VOLUME_KEYS];
    unsigned own_key; /* index of this open's; VOLUME_KEYS: none drawn yet */
    uint64_t counter; /* of the next block under it; only ever grows, never stored for use */

    uint8_t key_header[80]; /* what root records of this open say about their key */
    struct secret32 secret; /* what their keys are derived from */

    uint8_t *buffer; /* VOLUME_BATCH blocks */
    struct rt_gcm_job jobs[VOLUME_BATCH];
    struct volume_ref *targets[VOLUME_BATCH];
    size_t batch_count;
    uint32_t batch_block;
    uint64_t writes; /* blocks written since the last root record */
};

/* Opens the host's file: finds the newest root record that authenticates, refuses one below the
 * minimum. An empty file, or one whose records are both zeros, becomes a new volume at the first
 * commit (sequence 0 until then). key: 32 bytes for VOLUME_KEY_PROGRAM, else NULL.
 * Errors: -ENOENT no file was given; -EKEYREJECTED no root record authenticates; -ESTALE older than
 * the minimum; -EIO, -ENOMEM. A sentence in *d. Nothing is kept of a failed open. */
int volume_open(struct volume *v, const uint8_t *key, const struct volume_minimum *minimum,
                struct diag *d) MUST_USE;
void volume_close(struct volume *v);

/* Where page number `page` shall be read to: 4096 bytes, or NULL: no memory. */
typedef uint8_t *volume_place(void *context, uint64_t page);
/* Reads a tree that the catalogue or the root record describes and marks its blocks as used.
 * -EBADMSG: a block is not what the reference says, or the tree is not well formed. */
int volume_tree_read(struct volume *v, struct volume_tree *t, uint64_t page_count,
                     struct volume_ref root, volume_place *place, void *context,
                     struct diag *d) MUST_USE;

/* The page has new content. Never fails: without memory the whole tree counts as changed. */
void volume_tree_touch(struct volume_tree *t, uint64_t page);
/* The 4096 bytes of a page, borrowed until the next call of volume_*(); NULL: a hole. */
typedef const uint8_t *volume_content(void *context, uint64_t page);
/* Writes what changed, for a file of now page_count pages. */
int volume_tree_write(struct volume *v, struct volume_tree *t, uint64_t page_count,
                      volume_content *content, void *context) MUST_USE;
struct volume_ref volume_tree_root(const struct volume_tree *t);
/* Gives up the blocks of a file that is gone; they are free after the next commit. */
void volume_tree_drop(struct volume *v, struct volume_tree *t);
/* Makes everything sealed under that key dirty. */
void volume_tree_touch_key(struct volume_tree *t, unsigned key);
/* The key that shall be given up because too many are alive, or VOLUME_KEYS. */
unsigned volume_spare_key(const struct volume *v);

/* Reads the catalogue into an rt_alloc() buffer of whole blocks that the caller frees. */
int volume_read_catalogue(struct volume *v, uint8_t **ret, size_t *ret_size,
                          struct diag *d) MUST_USE;
/* Writes the catalogue where it differs from `old` (NULL: none) and makes all that was written
 * since the last time the current state. Sizes are whole blocks; size is without the padding. After
 * 0 it will be found by every later open, unless the host brings back an older file. Nothing is
 * written when nothing changed. Any error is final: -EIO from then on. */
int volume_commit(struct volume *v, const uint8_t *catalogue, size_t size, const uint8_t *old,
                  size_t old_size) MUST_USE;
