/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_REFUSAL_H
#define WARREN_CLI_REFUSAL_H

#include <linux/types.h>
#include <stddef.h>

/**
 * wr_refusal_describe() - say in words why the CPU refused to run a guest
 * @reason: hardware_entry_failure_reason of KVM_EXIT_FAIL_ENTRY, from Warren or from KVM
 * @text: out: at most @size bytes with the terminating zero
 * @size: of @text
 */
void wr_refusal_describe(__u64 reason, char *text, size_t size);

#endif
