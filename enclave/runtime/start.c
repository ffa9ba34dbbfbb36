/* SPDX-License-Identifier: Apache-2.0 */
/* From the first entry to the door: nothing of the workload runs before the manifest was found to
 * hash to CONFIGID, which only the processor's REPORT tells. The boot record is hostile: it is copied
 * once, every address in it must lie outside the enclave, every size is bounded. */
#include "thread.h"

static struct boot_record boot;
static struct manifest manifest;
static struct sgx_report self_report;
static host_span layer_spans[MANIFEST_LAYERS_MAX];

const struct boot_record *rt_boot_copy(void)
{
    return &boot;
}

const struct sgx_report_body *rt_identity(void)
{
    return &self_report.body;
}

static void copy_boot(host_ptr at)
{
    host_span span = rt_host_span(at, sizeof boot, "the boot record");
    copy_from_host(&boot, span, 0, sizeof boot);
    rt_self()->slot = rt_host_span((host_ptr){boot.slot_addr}, sizeof(struct hostcall_slot),
                                   "the hostcall slot");
    if (boot.magic != BOOT_MAGIC || boot.layer_count > MANIFEST_LAYERS_MAX ||
        boot.input_count > MANIFEST_FILES_MAX || boot.cpuid_count > BOOT_CPUID_MAX ||
        boot.manifest_size > MANIFEST_SIZE_MAX || boot.nonce_size > NONCE_MAX) {
        rt_refuse("the loader's boot record does not fit this runtime: use the loader of the same "
                  "release");
    }
}

/* A REPORT to oneself is the only way to learn one's own identity. It needs no target beyond zeros:
 * nobody verifies it, the processor wrote it into our memory. */
static void learn_identity(void)
{
    static const struct sgx_targetinfo nobody;
    static const uint8_t no_data[64] __attribute__((aligned(128)));
    static struct {
        struct sgx_report report;
        uint8_t pad[80];
    } out __attribute__((aligned(512)));
    enclu_report(&nobody, no_data, &out.report);
    self_report = out.report;
}

static void read_manifest(void)
{
    host_span span = rt_host_span((host_ptr){boot.manifest_addr}, boot.manifest_size, "the manifest");
    uint8_t *copy = (uint8_t *)rt_alloc(MANIFEST_SIZE_MAX);
    if (copy == NULL) {
        rt_refuse("no memory for the manifest");
    }
    copy_from_host(copy, span, 0, boot.manifest_size);
    struct bytes cbor = BYTES(copy, boot.manifest_size);
    uint8_t digest[64];
    rt_sha512(cbor, digest);
    if (!ct_equal(digest, self_report.body.configid, sizeof digest)) {
        rt_refuse("the manifest is not the one that this enclave was measured with (CONFIGID differs)");
    }
    struct diag d;
    if (manifest_decode(cbor, &manifest, &d) != 0) {
        rt_refuse("manifest: %s", d.text);
    }
    bool debuggable = (self_report.body.attributes.flags & SGX_FLAGS_DEBUG) != 0;
    if (debuggable != manifest.debug) {
        rt_refuse("the enclave was created %s debug access, the manifest says otherwise",
                  debuggable ? "with" : "without");
    }
}

static void check_layers(void)
{
    if (boot.layer_count != manifest.layer_count || boot.input_count != manifest.input_count) {
        rt_refuse("the loader brought %lu layers and %lu inputs, the manifest names %lu and %lu",
                  boot.layer_count, boot.input_count, manifest.layer_count, manifest.input_count);
    }
    for (size_t i = 0; i < boot.layer_count; i++) {
        layer_spans[i] = rt_host_span((host_ptr){boot.layers[i].addr}, boot.layers[i].size, "a layer");
    }
}

host_span rt_layer_span(size_t layer)
{
    REQUIRE(layer < boot.layer_count);
    return layer_spans[layer];
}

uint64_t rt_input_size(size_t input)
{
    REQUIRE(input < boot.input_count);
    return boot.input_size[input];
}

unsigned rt_cpu_count(void)
{
    return boot.cpu_count < 1 ? 1 : boot.cpu_count > 64 ? 64 : (unsigned)boot.cpu_count;
}

static void first_thread(struct rt_thread *t)
{
    struct rt_frame frame = {.flags = RT_FRAME_FULL, .rflags = 0x202};
    copy_boot((host_ptr){t->entry_rdi});
    learn_identity();
    rt_threads_start(self_report.body.attributes.xfrm);
    rt_heap_start();
    rt_clock_start(&boot);
    rt_cpuid_start(&boot, t->xfrm);
    read_manifest();
    check_layers();
    rt_console_start(&manifest, &boot);
    rt_evidence_start(&boot);
    rt_yard_start(&boot);
    door_start(&manifest, &frame);
    rt_vector_linux_start();
    rt_resume_app(&frame);
}

void rt_first_entry(struct rt_thread *t)
{
    if (t->number == 0) {
        first_thread(t);
    }
    t->slot = rt_host_span((host_ptr){t->entry_rdi}, sizeof(struct hostcall_slot),
                           "a thread's hostcall slot");
    rt_begin(t);
}

void rt_begin(struct rt_thread *t)
{
    struct rt_frame frame = {.flags = RT_FRAME_FULL, .rflags = 0x202};
    rt_set_fsbase(t->app_fs);
    rt_vector_linux_start(); /* before: the door may set another (fork) */
    door_thread(t->start_argument, &frame);
    rt_resume_app(&frame);
}
