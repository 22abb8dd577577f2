/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unsigned long vmx_enter_guest(u64 *regs, bool launched, u64 *host_rsp)
 *
 * Run the guest of the current VMCS until it exits. Interrupts are off and stay so. The VMCS holds RSP, RIP and RFLAGS; all
 * other general registers pass through @regs, in the order of enum wr_reg. @host_rsp is what the VMCS has as the host's RSP.
 *
 * Returns enum vmx_entry: 0 after an exit, 1 when the CPU refused the VMCS, 2 when VMX is off.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "../entry.h"

#define VMCS_HOST_RSP	0x6c14

/* Kernels that clear CPU buffers at entries know one feature bit for all, or one for guests of their own. */
#if defined(X86_FEATURE_CLEAR_CPU_BUF_VM)
#define CLEAR_BUFFERS_FEATURE	X86_FEATURE_CLEAR_CPU_BUF_VM
#elif defined(X86_FEATURE_CLEAR_CPU_BUF)
#define CLEAR_BUFFERS_FEATURE	X86_FEATURE_CLEAR_CPU_BUF
#endif

.section .rodata
/* VERW with a memory operand clears the CPU's buffers; any writable data segment will do. */
.Lverw_selector:
	.word __KERNEL_DS

.text

SYM_FUNC_START(vmx_enter_guest)
	push_callee_saved

	/* Needed after the exit, which finds the stack here and every register the guest's. */
	push %rdi			/* regs */
	cmp  %rsp, (%rdx)
	jne  .Lwrite_rsp
.Lrsp_is_known:

	/* VERW leaves CF alone: launch or resume. RDI is the register block until it is the last to be loaded. */
	bt   $0, %esi
	mov WR_REG(0)(%rdi), %rax
	load_guest_registers

#ifdef CLEAR_BUFFERS_FEATURE
	ALTERNATIVE "jmp .Lno_verw", "", CLEAR_BUFFERS_FEATURE
	verw .Lverw_selector(%rip)
.Lno_verw:
#endif
	UNWIND_HINT_SAVE
	jnc 3f
2:	vmresume
	jmp .Lrefused
3:	vmlaunch
	/* Falls through only when the CPU does not enter. */
.Lrefused:
	mov $1, %eax
	/* Nothing of the guest ran, but its registers are loaded; RSP is ours. */
	jmp .Lclear

SYM_INNER_LABEL(vmx_exited, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR		/* HOST_RIP: exits are no branches */
	UNWIND_HINT_RESTORE
	push %rax
	mov  8(%rsp), %rax
	store_guest_registers
	pop WR_REG(0)(%rax)

	/* No RET before this: the guest may have trained the return predictors. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, X86_FEATURE_RSB_VMEXIT_LITE
	xor %eax, %eax

.Lclear:
	clear_guest_registers

	pop_callee_saved
	RET

.Lwrite_rsp:
	mov  $VMCS_HOST_RSP, %eax
1:	vmwrite %rsp, %rax
	mov  %rsp, (%rdx)
	jmp  .Lrsp_is_known

.Loff:
	mov $2, %eax
	jmp .Lclear

	_ASM_EXTABLE(1b, .Loff)
	_ASM_EXTABLE(2b, .Loff)
	_ASM_EXTABLE(3b, .Loff)
SYM_FUNC_END(vmx_enter_guest)

.section .note.GNU-stack, "", @progbits
