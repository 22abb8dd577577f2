// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feature MSRs: what a VMM can know of the host's CPU by them, and what a new vCPU has there.
 */
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "backend.h"
#include "compat.h"
#include "msr.h"

/* Of the host's own word: what is true of a guest, too. Nothing that promises an MSR which guests do not have. */
#define ARCH_CAPS_OF_HOST	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | \
				 ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | \
				 ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO | \
				 ARCH_CAP_GDS_NO)

/* Flaws that the kernel knows this CPU not to have, whether or not the CPU has a word to say so */
static const struct {
	u16 bug;
	u64 without;
} flaws[] = {
	{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
	{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
	{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
	{ X86_BUG_ITLB_MULTIHIT, ARCH_CAP_PSCHANGE_MC_NO },
	{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
};

static int arch_capabilities(u64 *data)
{
	u64 host = 0;
	size_t i;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, host);
	*data = host & ARCH_CAPS_OF_HOST;
	for (i = 0; i < ARRAY_SIZE(flaws); i++)
		if (!boot_cpu_has_bug(flaws[i].bug))
			*data |= flaws[i].without;
	return 0;
}

/* AMD and Intel guests compare the revision with those that have errata: name one that has none. */
static int ucode_rev(u64 *data)
{
	*data = boot_cpu_data.x86_vendor == X86_VENDOR_INTEL ? 0x100000000ULL : 0x01000065;
	return 0;
}

/* LFENCE serialises on this host: the guest sees that, and cannot change it for the host. */
static int de_cfg(u64 *data)
{
	*data = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? MSR_AMD64_DE_CFG_LFENCE_SERIALIZE : 0;
	return wr_backend->vendor == WARREN_VENDOR_AMD_V ? 0 : -EINVAL;
}

/* There is no PMU. */
static int perf_capabilities(u64 *data)
{
	*data = 0;
	return 0;
}

static const struct {
	u32 index;
	int (*get)(u64 *data);	/* -EINVAL: not on this host */
} features[] = {
	{ MSR_IA32_UCODE_REV, ucode_rev },
	{ MSR_IA32_ARCH_CAPABILITIES, arch_capabilities },
	{ MSR_IA32_PERF_CAPABILITIES, perf_capabilities },
	{ MSR_AMD64_DE_CFG, de_cfg },
};

/**
 * wr_msr_get_feature - KVM_GET_MSRS on the system file descriptor
 * @index: MSR
 * @data: out
 *
 * Return: 0, or -EINVAL for one that is not a feature MSR.
 */
int wr_msr_get_feature(u32 index, u64 *data)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].index == index)
			return features[i].get(data);
	return -EINVAL;
}

/**
 * wr_msr_default - what a new vCPU has in a feature MSR
 * @index: MSR
 */
u64 wr_msr_default(u32 index)
{
	u64 data;

	return wr_msr_get_feature(index, &data) ? 0 : data;
}

/**
 * wr_msr_feature_index_list - KVM_GET_MSR_FEATURE_INDEX_LIST
 * @user: nmsrs in: room, out: how many there are
 *
 * Return: 0, -E2BIG, -EFAULT. Context: may sleep.
 */
int wr_msr_feature_index_list(struct kvm_msr_list __user *user)
{
	u32 list[ARRAY_SIZE(features)], room, nr = 0;
	size_t i;
	u64 data;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (!features[i].get(&data))
			list[nr++] = features[i].index;
	if (get_user(room, &user->nmsrs) || put_user(nr, &user->nmsrs))
		return -EFAULT;
	if (room < nr)
		return -E2BIG;
	return copy_to_user(user->indices, list, nr * sizeof(*list)) ? -EFAULT : 0;
}
