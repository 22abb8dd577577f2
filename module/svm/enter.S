/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bool svm_enter_guest(u64 vmcb_pa, u64 *regs, u64 host_save_pa)
 *
 * Run the guest until it exits. Interrupts are off; they come back off. The VMCB holds RAX, RSP, RIP and RFLAGS; all other
 * general registers pass through @regs, in the order of enum wr_reg.
 *
 * Returns false, with nothing done, when SVM is off on this CPU: CLGI, the first SVM instruction, raised #UD. After
 * it no interrupt can come in and turn SVM off, so the others need no such care.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

#include "../entry.h"

.section .rodata
/* VERW with a memory operand clears the CPU's buffers; any writable data segment will do. */
.Lverw_selector:
	.word __KERNEL_DS

.text

SYM_FUNC_START(svm_enter_guest)
	push_callee_saved

	/* Host state that is needed after the exit: the stack holds it, no register survives. */
	push %rsi			/* regs */
	push %rdx			/* host_save_pa */

	mov  %rdi, %rax
	mov  %rsi, %rdi

	/*
	 * Interrupts must be enabled for one to cause an exit, and none must arrive before VMRUN: GIF holds back
	 * all of them, NMIs too, from CLGI on.
	 */
1:	clgi
	sti
	vmload %rax

	/* RAX keeps the VMCB's address, RDI the register block until it is the last to be loaded. */
	load_guest_registers

#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM
	/* Clobbers flags only: VMRUN loads the guest's. */
	ALTERNATIVE "jmp .Lno_verw", "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw .Lverw_selector(%rip)
.Lno_verw:
#endif
	vmrun %rax

	/* RAX is the VMCB's address again, all else the guest's. GS is not yet the host's: no per-CPU data. */
	vmsave %rax
	pop  %rax			/* host_save_pa */
	vmload %rax
	mov  (%rsp), %rax		/* regs */

	store_guest_registers

	/* No RET before this: the guest may have trained the return predictors. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	CALL_UNTRAIN_RET

	clear_guest_registers

	/* The interrupt that caused the exit waits until the caller enables interrupts. */
	cli
	stgi
	mov $1, %eax
.Lout:
	pop_callee_saved
	RET

.Loff:
	add $16, %rsp
	xor %eax, %eax
	jmp .Lout

	_ASM_EXTABLE(1b, .Loff)
SYM_FUNC_END(svm_enter_guest)

.section .note.GNU-stack, "", @progbits
