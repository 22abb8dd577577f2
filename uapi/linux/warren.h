/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Warren's ABI is KVM's, version 12, on /dev/warren. Types and numbers come from <linux/kvm.h>; this header will hold
 * only the calls that are Warren's own.
 */
#ifndef _UAPI_LINUX_WARREN_H
#define _UAPI_LINUX_WARREN_H

#include <linux/kvm.h>

#define WARREN_DEVICE	"/dev/warren"

#endif
