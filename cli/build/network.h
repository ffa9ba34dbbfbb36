/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint of the network as alcove.yaml writes it:
 *
 *     [tcp |udp ]ADDRESS[/PREFIX]:PORT[-PORT]        IPv6 addresses in brackets */
#pragma once

#include "abi/manifest.h"

/* NULL, or what is wrong with it. */
const char *network_parse(const char *text, struct manifest_endpoint *ret) MUST_USE;
