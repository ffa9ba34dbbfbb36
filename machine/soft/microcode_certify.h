/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "soft/certify_protocol.h"
#include "soft/microcode.h"

/* Fills the whole reply. */
void mc_certify(const struct microcode *mc, const struct mc_certify *question,
                struct mc_certify_reply *ret);
