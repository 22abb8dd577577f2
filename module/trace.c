// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints themselves: trace.h declares them everywhere else.
 */
#include "backend.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * Those on the shortest paths are called from here, behind trace_*_enabled(): there the compiler would keep more in registers, and
 * save more of them, for what is nearly never done.
 */

/**
 * wr_trace_entry - warren_entry
 * @vcpu: about to enter
 */
void wr_trace_entry(struct wr_vcpu *vcpu)
{
	trace_warren_entry(vcpu);
}

/**
 * wr_trace_exit - warren_exit
 * @vcpu: has exited, and nothing was done about it
 * @reason: of the exit
 */
void wr_trace_exit(struct wr_vcpu *vcpu, u64 reason)
{
	trace_warren_exit(vcpu, reason);
}

/**
 * wr_trace_io - warren_pio
 * @vcpu: has done vcpu->io, with RAX
 */
void wr_trace_io(struct wr_vcpu *vcpu)
{
	trace_warren_pio(vcpu, vcpu->io.in, vcpu->io.port, vcpu->io.size, vcpu->regs[WR_RAX]);
}

/**
 * wr_trace_msr - warren_msr
 * @vcpu: has its MSR's number in RCX, and the value in EDX:EAX unless it could not be read
 * @write: WRMSR
 * @failed: #GP
 */
void wr_trace_msr(struct wr_vcpu *vcpu, bool write, bool failed)
{
	trace_warren_msr(vcpu, write, vcpu->regs[WR_RCX], failed && !write ? 0 : wr_edx_eax(vcpu), failed);
}
