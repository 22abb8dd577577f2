/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x instructions and access to the current VMCS.
 *
 * Every instruction may find VMX off: a reboot turns it off on all CPUs, whatever they are doing. It raises #UD then, which is
 * caught: reads give zero, writes are lost, and the next entry fails and tells.
 *
 * A field's encoding says how wide it is. An accessor of another width does not compile.
 */
#ifndef WARREN_VMX_VMCS_H
#define WARREN_VMX_VMCS_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>

/* The secondary control of XSAVES and XRSTORS; the kernel's header has renamed its own */
#define VMX_EXEC_XSAVES	VMCS_CONTROL_BIT(XSAVES)

#define VMCS_16		0
#define VMCS_64		1
#define VMCS_32		2
#define VMCS_NATURAL	3

/* @field, if it is @width wide (SDM volume 3, "VMCS component encoding") */
#define VMCS_FIELD(field, width) \
	((field) + BUILD_BUG_ON_ZERO(((field) >> 13 & 3) != (width)))

static __always_inline u64 vmread(unsigned long field)
{
	u64 value;

	asm volatile("1: vmread %1, %0\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %0)
		     : "=&r" (value) : "r" (field) : "cc");
	return value;
}

static __always_inline void vmwrite(unsigned long field, u64 value)
{
	asm volatile("1: vmwrite %0, %1\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "rm" (value), "r" (field) : "cc");
}

#define vmcs_read16(field)	((u16)vmread(VMCS_FIELD(field, VMCS_16)))
#define vmcs_read32(field)	((u32)vmread(VMCS_FIELD(field, VMCS_32)))
#define vmcs_read64(field)	vmread(VMCS_FIELD(field, VMCS_64))
#define vmcs_read(field)	vmread(VMCS_FIELD(field, VMCS_NATURAL))

#define vmcs_write16(field, v)	vmwrite(VMCS_FIELD(field, VMCS_16), (u16)(v))
#define vmcs_write32(field, v)	vmwrite(VMCS_FIELD(field, VMCS_32), (u32)(v))
#define vmcs_write64(field, v)	vmwrite(VMCS_FIELD(field, VMCS_64), v)
#define vmcs_write(field, v)	vmwrite(VMCS_FIELD(field, VMCS_NATURAL), v)

/* Fields that come in rows, as those of the segment registers and PDPTEs do: @field is the first one's */
#define vmcs_read16_nth(field, n)	((u16)vmread(VMCS_FIELD(field, VMCS_16) + 2 * (n)))
#define vmcs_read32_nth(field, n)	((u32)vmread(VMCS_FIELD(field, VMCS_32) + 2 * (n)))
#define vmcs_read64_nth(field, n)	vmread(VMCS_FIELD(field, VMCS_64) + 2 * (n))
#define vmcs_read_nth(field, n)		vmread(VMCS_FIELD(field, VMCS_NATURAL) + 2 * (n))

#define vmcs_write16_nth(field, n, v)	vmwrite(VMCS_FIELD(field, VMCS_16) + 2 * (n), (u16)(v))
#define vmcs_write32_nth(field, n, v)	vmwrite(VMCS_FIELD(field, VMCS_32) + 2 * (n), (u32)(v))
#define vmcs_write64_nth(field, n, v)	vmwrite(VMCS_FIELD(field, VMCS_64) + 2 * (n), v)
#define vmcs_write_nth(field, n, v)	vmwrite(VMCS_FIELD(field, VMCS_NATURAL) + 2 * (n), v)

/* 0, or -EIO when the instruction failed or VMX is off */
#define VMX_INSN(text, input...)					\
({									\
	int err_ = -EIO;						\
									\
	asm volatile("1: " text "\n\t"					\
		     "jbe 2f\n\t"					\
		     "xor %0, %0\n"					\
		     "2:\n"						\
		     _ASM_EXTABLE(1b, 2b)				\
		     : "+r" (err_) : input : "cc", "memory");		\
	err_;								\
})

static inline int vmxon(u64 pa)
{
	return VMX_INSN("vmxon %1", "m" (pa));
}

static inline int vmxoff(void)
{
	return VMX_INSN("vmxoff", "i" (0));
}

static inline int vmptrld(u64 pa)
{
	return VMX_INSN("vmptrld %1", "m" (pa));
}

/* Into @pa; also the one way to tell whether the CPU is in VMX operation */
static inline int vmptrst(u64 *pa)
{
	return VMX_INSN("vmptrst %1", "m" (*pa));
}

static inline int vmclear(u64 pa)
{
	return VMX_INSN("vmclear %1", "m" (pa));
}

/* INVEPT: drop what was cached from the tables of @eptp, or of all. */
static inline int invept(unsigned long extent, u64 eptp)
{
	struct {
		u64 eptp, reserved;
	} operand = { .eptp = eptp };

	return VMX_INSN("invept %1, %2", "m" (operand), "r" (extent));
}

/* INVVPID: drop what was cached with a VPID, global pages too. */
static inline int invvpid(u16 vpid)
{
	struct {
		u64 vpid, address;
	} operand = { .vpid = vpid };
	unsigned long extent = VMX_VPID_EXTENT_SINGLE_CONTEXT;

	return VMX_INSN("invvpid %1, %2", "m" (operand), "r" (extent));
}

#endif
