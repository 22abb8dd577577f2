// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU, SSE, AVX and protection keys of a guest.
 *
 * kernel_fpu_begin() gives the registers to us, saving those of the task first; the guest's come from and go to an area of
 * our own in XSAVE's standard format. Softirqs that want the FPU meanwhile find it taken, so XCR0 can be the guest's all
 * through the stay; PKRU cannot, since the kernel touches user memory with it.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/special_insns.h>

#include "compat.h"
#include "fpu.h"

#define MXCSR_RESET	0x1f80
#define FCW_RESET	0x37f
#define XSAVE_HDR	512	/* offset of the header */
#define XSAVE_MIN	576	/* legacy area and header */

/* State components that guests may have, where the host has them */
#define WR_XFEATURES	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_AVX512 | XFEATURE_MASK_PKRU)

bool wr_fpu_has_pkru __ro_after_init;
static u64 supported;	/* components */
static u64 host_xcr0;
static u64 host_xss;
static u32 area_size;
static u32 mxcsr_mask;
static u32 ymm_offset, pkru_offset;

static inline void xsave(void *area, u64 mask)
{
	asm volatile("xsave64 (%0)" : : "r" (area), "a" ((u32)mask), "d" ((u32)(mask >> 32)) : "memory");
}

static inline void xrstor(const void *area, u64 mask)
{
	asm volatile("xrstor64 (%0)" : : "r" (area), "a" ((u32)mask), "d" ((u32)(mask >> 32)) : "memory");
}

/**
 * wr_fpu_supported - state components that a guest may enable in XCR0
 */
u64 wr_fpu_supported(void)
{
	return supported;
}

/**
 * wr_fpu_size - bytes of an XSAVE area with all of them, at least sizeof(struct kvm_xsave)
 */
u32 wr_fpu_size(void)
{
	return max_t(u32, area_size, sizeof(struct kvm_xsave));
}

/* Which MXCSR bits exist: the CPU tells in any FXSAVE image, where 0 means the first ones. */
static void read_mxcsr_mask(void)
{
	static struct fxregs_state image __aligned(16);

	kernel_fpu_begin();
	asm volatile("fxsave64 %0" : "=m" (image));
	kernel_fpu_end();
	mxcsr_mask = image.mxcsr_mask ?: 0xffbf;
}

/**
 * wr_fpu_module_init - read what the host has
 *
 * Return: 0, or -EOPNOTSUPP without XSAVE.
 */
int wr_fpu_module_init(void)
{
	u32 eax, ebx, ecx, edx;
	int i;

	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return -EOPNOTSUPP;
	host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	/*
	 * With the host's XSS in a stay XSAVES would give the guest the host's MSRs: AMD-V cannot keep it from any guest, and
	 * on VT-x those have it whose CPUID says so. 0 is also what their own XSS always is.
	 */
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, host_xss);
	supported = host_xcr0 & WR_XFEATURES;
	wr_fpu_has_pkru = supported & XFEATURE_MASK_PKRU;
	area_size = XSAVE_MIN;
	for (i = 2; i < 63; i++) {
		if (!(supported & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		area_size = max(area_size, eax + ebx);
		if (BIT_ULL(i) == XFEATURE_MASK_YMM)
			ymm_offset = ebx;
		if (BIT_ULL(i) == XFEATURE_MASK_PKRU)
			pkru_offset = ebx;
	}
	read_mxcsr_mask();
	return 0;
}

/**
 * wr_fpu_alloc - memory for a vCPU's state
 * @vcpu: new
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_fpu_alloc(struct wr_vcpu *vcpu)
{
	/* kmalloc() aligns powers of two to their size; XSAVE wants 64 bytes. */
	vcpu->fpu.area = kzalloc(roundup_pow_of_two(wr_fpu_size()), GFP_KERNEL_ACCOUNT);
	return vcpu->fpu.area ? 0 : -ENOMEM;
}

/**
 * wr_fpu_free - undo wr_fpu_alloc()
 * @vcpu: going
 */
void wr_fpu_free(struct wr_vcpu *vcpu)
{
	kfree(vcpu->fpu.area);
}

/**
 * wr_fpu_reset - state after power-up, or after INIT
 * @vcpu: its vCPU, outside a stay
 * @init: INIT keeps the registers
 */
void wr_fpu_reset(struct wr_vcpu *vcpu, bool init)
{
	struct fxregs_state *fx = &vcpu->fpu.area->i387;

	vcpu->fpu.xcr0 = XFEATURE_MASK_FP;
	if (init)
		return;
	memset(vcpu->fpu.area, 0, wr_fpu_size());
	fx->cwd = FCW_RESET;
	fx->mxcsr = MXCSR_RESET;
	vcpu->fpu.area->header.xfeatures = XFEATURE_MASK_FPSSE & supported;
	vcpu->fpu.pkru = 0;
}

/**
 * wr_fpu_enter - the registers become the guest's
 * @vcpu: at the start of a stay
 *
 * Preemption is off until wr_fpu_leave(); on newer kernels bottom halves too.
 */
void wr_fpu_enter(struct wr_vcpu *vcpu)
{
	static const u32 zero;

	kernel_fpu_begin_mask(0);
	if (wr_fpu_has_pkru)
		vcpu->fpu.host_pkru = rdpkru();
	/* These CPUs restore the x87 pointers only with a pending exception: clear what the host left. */
	if (static_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fnclex; emms; fildl %0" : : "m" (zero));
	xrstor(vcpu->fpu.area, supported & ~XFEATURE_MASK_PKRU);
	if (vcpu->fpu.xcr0 != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->fpu.xcr0);
	if (host_xss)
		wrmsrl(MSR_IA32_XSS, 0);
	vcpu->fpu.loaded = true;
}

/**
 * wr_fpu_sync_xcr0 - see which XCR0 the guest has
 * @vcpu: in a stay, or at its end; elsewhere nothing is done
 *
 * XSETBV exits on the hardware, but not under every hypervisor below: what the guest has is in the register.
 */
void wr_fpu_sync_xcr0(struct wr_vcpu *vcpu)
{
	u64 xcr0;

	if (!vcpu->fpu.loaded)
		return;
	xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) & supported;
	if (likely(xcr0 == vcpu->fpu.xcr0))
		return;
	vcpu->fpu.xcr0 = xcr0;
	wr_cpuid_update(vcpu);
}

/**
 * wr_fpu_leave - the guest's registers go to memory
 * @vcpu: at the end of a stay
 */
void wr_fpu_leave(struct wr_vcpu *vcpu)
{
	u64 xcr0;

	if (host_xss)
		wrmsrl(MSR_IA32_XSS, host_xss);
	xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (unlikely((xcr0 & supported) != vcpu->fpu.xcr0))
		wr_fpu_sync_xcr0(vcpu);
	if (xcr0 != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, host_xcr0);
	xsave(vcpu->fpu.area, supported & ~XFEATURE_MASK_PKRU);
	vcpu->fpu.loaded = false;
	kernel_fpu_end();
}

/**
 * wr_fpu_set_xcr0 - XSETBV, KVM_SET_XCRS
 * @vcpu: its vCPU
 * @xcr0: wanted
 *
 * Return: 0, or -EINVAL for what the guest's CPUID does not offer or the architecture forbids.
 */
int wr_fpu_set_xcr0(struct wr_vcpu *vcpu, u64 xcr0)
{
	u64 avx512 = xcr0 & XFEATURE_MASK_AVX512;

	if (!(xcr0 & XFEATURE_MASK_FP))
		return -EINVAL;
	if (xcr0 & XFEATURE_MASK_YMM && !(xcr0 & XFEATURE_MASK_SSE))
		return -EINVAL;
	if (avx512 && (avx512 != XFEATURE_MASK_AVX512 || !(xcr0 & XFEATURE_MASK_YMM)))
		return -EINVAL;
	if (xcr0 & ~(vcpu->cpuid.xcr0_supported | XFEATURE_MASK_FP))
		return -EINVAL;
	vcpu->fpu.xcr0 = xcr0;
	if (vcpu->fpu.loaded)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
	wr_cpuid_update(vcpu);
	return 0;
}

/* Components that XSAVE found in their initial state are not in memory: put them there before touching them. */
static void materialize(struct wr_vcpu *vcpu, u64 mask)
{
	struct xregs_state *area = vcpu->fpu.area;
	u64 absent = mask & ~area->header.xfeatures;

	if (absent & XFEATURE_MASK_FP) {
		memset(&area->i387, 0, offsetof(struct fxregs_state, mxcsr));
		memset(area->i387.st_space, 0, sizeof(area->i387.st_space));
		area->i387.cwd = FCW_RESET;
	}
	if (absent & XFEATURE_MASK_SSE)
		memset(area->i387.xmm_space, 0, sizeof(area->i387.xmm_space));
	if (absent & XFEATURE_MASK_YMM)
		memset((void *)area + ymm_offset, 0, 256);
	area->header.xfeatures |= mask;
}

/**
 * wr_fpu_get_legacy - KVM_GET_FPU
 * @vcpu: its vCPU, outside a stay
 * @out: filled
 */
void wr_fpu_get_legacy(struct wr_vcpu *vcpu, struct kvm_fpu *out)
{
	const struct fxregs_state *fx = &vcpu->fpu.area->i387;

	materialize(vcpu, XFEATURE_MASK_FPSSE);
	*out = (struct kvm_fpu) {
		.fcw = fx->cwd,
		.fsw = fx->swd,
		.ftwx = fx->twd,
		.last_opcode = fx->fop,
		.last_ip = fx->rip,
		.last_dp = fx->rdp,
		.mxcsr = fx->mxcsr,
	};
	memcpy(out->fpr, fx->st_space, sizeof(out->fpr));
	memcpy(out->xmm, fx->xmm_space, sizeof(out->xmm));
}

/**
 * wr_fpu_set_legacy - KVM_SET_FPU
 * @vcpu: its vCPU, outside a stay
 * @in: from userspace; bits of MXCSR that the CPU does not have are dropped
 */
void wr_fpu_set_legacy(struct wr_vcpu *vcpu, const struct kvm_fpu *in)
{
	struct fxregs_state *fx = &vcpu->fpu.area->i387;

	materialize(vcpu, XFEATURE_MASK_FPSSE);
	fx->cwd = in->fcw;
	fx->swd = in->fsw;
	fx->twd = in->ftwx;
	fx->fop = in->last_opcode;
	fx->rip = in->last_ip;
	fx->rdp = in->last_dp;
	fx->mxcsr = in->mxcsr & mxcsr_mask;
	memcpy(fx->st_space, in->fpr, sizeof(in->fpr));
	memcpy(fx->xmm_space, in->xmm, sizeof(in->xmm));
}

/**
 * wr_fpu_get_xsave - KVM_GET_XSAVE, KVM_GET_XSAVE2
 * @vcpu: its vCPU, outside a stay
 * @out: filled with the standard format
 * @size: of @out; state beyond it is left out
 */
void wr_fpu_get_xsave(struct wr_vcpu *vcpu, void *out, u32 size)
{
	memset(out, 0, size);
	materialize(vcpu, XFEATURE_MASK_FPSSE);
	if (pkru_offset) {
		vcpu->fpu.area->header.xfeatures |= XFEATURE_MASK_PKRU;
		memcpy((void *)vcpu->fpu.area + pkru_offset, &vcpu->fpu.pkru, sizeof(vcpu->fpu.pkru));
	}
	memcpy(out, vcpu->fpu.area, min(size, area_size));
	((struct xregs_state *)out)->i387.mxcsr_mask = mxcsr_mask;
}

/**
 * wr_fpu_set_xsave - KVM_SET_XSAVE
 * @vcpu: its vCPU, outside a stay
 * @in: standard format
 * @size: of @in
 *
 * Return: 0; -EINVAL for components that are not supported, the compacted format, or MXCSR bits that the CPU does not have:
 * XRSTOR would fault on them.
 */
int wr_fpu_set_xsave(struct wr_vcpu *vcpu, const void *in, u32 size)
{
	const struct xregs_state *state = in;
	u64 features = state->header.xfeatures;
	u64 need = features & ~XFEATURE_MASK_FPSSE;

	if (features & ~supported || state->header.xcomp_bv)
		return -EINVAL;
	if (memchr_inv(in + XSAVE_HDR + 16, 0, 48))
		return -EINVAL;
	if (state->i387.mxcsr & ~mxcsr_mask)
		return -EINVAL;
	if (need && size < area_size)
		return -EINVAL;
	memcpy(vcpu->fpu.area, in, min(size, area_size));
	if (features & XFEATURE_MASK_PKRU)
		memcpy(&vcpu->fpu.pkru, in + pkru_offset, sizeof(vcpu->fpu.pkru));
	else
		vcpu->fpu.pkru = 0;
	vcpu->fpu.area->header.xfeatures &= ~XFEATURE_MASK_PKRU;
	return 0;
}

/**
 * wr_fpu_x87 - the x87 and MMX registers
 * @vcpu: its vCPU, outside a stay
 *
 * Return: where they are, for the caller to read and change until the next stay.
 */
struct fxregs_state *wr_fpu_x87(struct wr_vcpu *vcpu)
{
	materialize(vcpu, XFEATURE_MASK_FP);
	return &vcpu->fpu.area->i387;
}

/**
 * wr_fpu_read_vec - read an XMM or YMM register
 * @vcpu: its vCPU, outside a stay
 * @reg: 0 to 15
 * @data: filled
 * @len: 16 or 32
 */
void wr_fpu_read_vec(struct wr_vcpu *vcpu, int reg, void *data, u32 len)
{
	void *area = vcpu->fpu.area;

	materialize(vcpu, (XFEATURE_MASK_SSE | XFEATURE_MASK_YMM) & supported);
	memcpy(data, vcpu->fpu.area->i387.xmm_space + reg * 4, 16);
	if (len == 32)
		memcpy(data + 16, area + ymm_offset + reg * 16, 16);
}

/**
 * wr_fpu_write_vec - write an XMM or YMM register
 * @vcpu: its vCPU, outside a stay
 * @reg: 0 to 15
 * @data: value
 * @len: 16 or 32
 * @clear_upper: clear what lies above @len, as VEX encodings do
 */
void wr_fpu_write_vec(struct wr_vcpu *vcpu, int reg, const void *data, u32 len, bool clear_upper)
{
	void *area = vcpu->fpu.area;

	materialize(vcpu, (XFEATURE_MASK_SSE | XFEATURE_MASK_YMM) & supported);
	memcpy(vcpu->fpu.area->i387.xmm_space + reg * 4, data, 16);
	if (!ymm_offset)
		return;
	if (len == 32)
		memcpy(area + ymm_offset + reg * 16, data + 16, 16);
	else if (clear_upper)
		memset(area + ymm_offset + reg * 16, 0, 16);
}
