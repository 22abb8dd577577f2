/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of compat.h that needs <linux/kvm_host.h>, kept from all files but run.c.
 */
#ifndef WARREN_COMPAT_XFER_H
#define WARREN_COMPAT_XFER_H

#include "compat.h"

#ifdef WR_HAVE_ENTRY_VIRT
#include <linux/entry-virt.h>
#define wr_xfer_to_guest_mode_handle_work()	xfer_to_guest_mode_handle_work()
#else
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>

static inline int wr_xfer_to_guest_mode_handle_work(void)
{
	/* When a signal is pending it notes an exit reason and a count in a vCPU of KVM's: nobody reads these. */
	static struct kvm_run run;
	static struct kvm_vcpu nobody = { .run = &run };

	return xfer_to_guest_mode_handle_work(&nobody);
}
#endif

#endif
