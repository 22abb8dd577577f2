// SPDX-License-Identifier: GPL-2.0-only
/*
 * warren-kunit.ko: the suites of all parts that can be tested without a guest. Loaded after warren.ko, whose functions it calls.
 */
#include <kunit/test.h>

#include "compat.h"

extern struct kunit_suite svm_caps_suite, vmx_suite, wr_tlb_suite, wr_cpuid_suite, wr_msr_suite, wr_clock_suite;
extern struct kunit_suite wr_decode_suite, wr_execute_suite, wr_protected_suite, wr_transfer_suite;
extern struct kunit_suite wr_slots_suite, wr_table_suite, wr_walk_suite, wr_walk_matrix_suite, wr_stage2_suite, wr_fault_suite;
extern struct kunit_suite wr_shadow_suite;
extern struct kunit_suite wr_lapic_suite, wr_lapic_timer_suite, wr_lapic_assist_suite;
extern struct kunit_suite wr_pic_suite, wr_ioapic_suite, wr_pit_suite, wr_route_suite;

kunit_test_suites(&svm_caps_suite, &vmx_suite, &wr_tlb_suite, &wr_cpuid_suite, &wr_msr_suite, &wr_clock_suite,
		  &wr_decode_suite, &wr_execute_suite, &wr_protected_suite, &wr_transfer_suite,
		  &wr_slots_suite, &wr_table_suite, &wr_walk_suite, &wr_walk_matrix_suite, &wr_stage2_suite, &wr_fault_suite, &wr_shadow_suite,
		  &wr_lapic_suite, &wr_lapic_timer_suite, &wr_lapic_assist_suite, &wr_pic_suite, &wr_ioapic_suite, &wr_pit_suite,
		  &wr_route_suite);

WR_IMPORT_KUNIT_NS();
MODULE_DESCRIPTION("KUnit tests of Warren");
MODULE_LICENSE("GPL");
