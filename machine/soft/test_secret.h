/* SPDX-License-Identifier: Apache-2.0 */
/* Factors of the value that KIT_SECRET puts into registers: the test enclave multiplies them, so
 * that the product stands in no file and in none of the host's memory. */
#pragma once

#define KIT_SECRET_A 0x9e3779b97f4a7c15
#define KIT_SECRET_B 0xc2b2ae3d27d4eb4f
