# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What in a host's kernel log means that a test failed, whatever its exit status says.

SPLATS=(
	'BUG: '
	'WARNING: '
	'kernel BUG at'
	'Oops'
	'KASAN'
	'UBSAN'
	'general protection fault'
	'unable to handle'
	'double fault'
	'possible (circular|recursive|irq lock inversion|unsafe)'
	'inconsistent lock state'
	'(bad|suspicious) (unlock|RCU usage)'
	'suspicious'
	'lock held when returning'
	'held lock freed'
	'sleeping function called from invalid'
	'scheduling while atomic'
	'unreferenced object'
	'new suspected memory leaks'
	'blocked for more than'
	'(soft|hard) lockup'
	'rcu.*(stall|starved)'
	'Call Trace:'
	'Kernel panic'
	'refcount_t:'
	'list_(add|del) corruption'
	'Bad page (state|map)'
	'nobody cared'
	'unchecked MSR access'
	'Objects remaining'
)

# Lines of stock kernels that look like one and are not.
NOT_SPLATS=(
	'kmemleak: Kernel memory leak detector'
	'kasan: KernelAddressSanitizer initialized'
	'Kernel Address Sanitizer'
	'(Spectre V2|Speculative Return Stack Overflow) ?: WARNING: '
	'Linux version'
	'Command line:'
)

join_patterns() {
	local IFS='|'
	printf '%s' "$*"
}

# splats_in LOG: print the offending lines; true when there are any.
splats_in() {
	grep -a -n -E "$(join_patterns "${SPLATS[@]}")" "$1" |
		grep -a -v -i -E "$(join_patterns "${NOT_SPLATS[@]}")"
}
