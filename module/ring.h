/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exit trace ring of a vCPU: WARREN_TRACE_OPEN, see <linux/warren.h>.
 *
 * One ring for each vCPU at most. It lives as long as a file of it does, and mappings hold their file; the vCPU may go before it,
 * or outlive it. A vCPU with a ring enters its guest by a longer way (vcpu->enter), so that one without pays nothing.
 */
#ifndef WARREN_RING_H
#define WARREN_RING_H

#include <linux/warren.h>

struct wr_vcpu;

int wr_ring_open(struct wr_vcpu *vcpu, const struct warren_trace_open *open);
void wr_ring_end(struct wr_vcpu *vcpu);

#endif
