/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits in vendor-neutral terms. A vendor's handler decodes and calls one of these.
 *
 * All run on the vCPU's thread, first inside the stay, where nothing may sleep. One that finds it must sleep returns
 * WR_RUN_SLEEPABLE with nothing changed; the run loop leaves the stay and calls the vendor's handler for the same exit again.
 */
#ifndef WARREN_EXIT_H
#define WARREN_EXIT_H

#include "backend.h"

struct wr_task_switch;

enum wr_run_result wr_exit_cpuid(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_io(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_fault(struct wr_vcpu *vcpu, u64 gpa, u32 access);
enum wr_run_result wr_exit_page_fault(struct wr_vcpu *vcpu, u64 gva, u32 error);
u64 wr_exit_page_fault_gpa(struct wr_vcpu *vcpu, u64 gva, u32 error);
enum wr_run_result wr_exit_halt(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_msr(struct wr_vcpu *vcpu, bool write);
enum wr_run_result wr_exit_xsetbv(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_hypercall(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_emulate(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_system(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_task_switch(struct wr_vcpu *vcpu, u16 selector, u8 cause);
enum wr_run_result wr_task_switch(struct wr_vcpu *vcpu, const struct wr_task_switch *ts);
enum wr_run_result wr_exit_skip(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_write_cr3(struct wr_vcpu *vcpu, u64 value);
enum wr_run_result wr_exit_read_cr3(struct wr_vcpu *vcpu, u64 *reg);
enum wr_run_result wr_exit_invlpg(struct wr_vcpu *vcpu, u64 la);
enum wr_run_result wr_exit_ud(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_monitor(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_undefined(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_soft_interrupt(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_icebp(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_rdpmc(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_pause(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_shutdown(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_entry_failed(struct wr_vcpu *vcpu, u64 reason);
enum wr_run_result wr_exit_internal_error(struct wr_vcpu *vcpu, u32 suberror, const u64 *data, u32 nr);
enum wr_run_result wr_exit_eoi(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_tpr(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_host_event(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_timer(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_complete(struct wr_vcpu *vcpu);

#endif
