/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtualization of the host's CPUs: on while there is a VM, or borrowed from another hypervisor entry by entry.
 */
#ifndef WARREN_HOST_H
#define WARREN_HOST_H

#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/types.h>
#include <asm/msr.h>

/* Another hypervisor is there. Constant while preemption is off: ask by wr_host_is_beside(). */
extern bool wr_host_beside;
/* ... or was there once, or will be there in a moment. */
DECLARE_STATIC_KEY_FALSE(wr_host_beside_key);
extern bool wr_host_rebooting;

int wr_host_init(void);
void wr_host_exit(void);
void wr_host_forget_crashes(void);
int wr_host_get(void);
void wr_host_put(void);
void wr_host_share(bool present);
int wr_host_restore(void);
void wr_host_machine_check(void);

/* Who was always alone pays nothing for the answer. */
static __always_inline bool wr_host_is_beside(void)
{
	return static_branch_unlikely(&wr_host_beside_key) && READ_ONCE(wr_host_beside);
}

/* Must virtualization stay off? */
static inline bool wr_host_is_rebooting(void)
{
	return READ_ONCE(wr_host_rebooting);
}

/*
 * MSRs that stays read and write, which exist. A call through the kernel's paravirtual operations takes more than all the rest
 * there is to do, and no host of these is such a guest.
 */
static __always_inline u64 wr_host_rdmsr(u32 msr)
{
	return __rdmsr(msr);
}

static __always_inline void wr_host_wrmsr(u32 msr, u64 value)
{
	native_wrmsr(msr, (u32)value, value >> 32);
}

#endif
