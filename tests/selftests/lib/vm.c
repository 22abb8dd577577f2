// SPDX-License-Identifier: GPL-2.0-only
/* VM creation, guest memory and the small conveniences of the host's half. */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

extern const Elf64_Ehdr __ehdr_start;

const char *device_path(void)
{
	const char *s = getenv("WARREN_DEVICE");

	return s && *s ? s : "/dev/warren";
}

bool is_kvm(void)
{
	const char *s = strrchr(device_path(), '/');

	return s && !strcmp(s, "/kvm");
}

bool host_is_tcg(void)
{
	return cpuid(0x40000000, 0).b == 0x54474354;	/* "TCGT" */
}

bool host_is_bochs_svm(void)
{
	const char *emulator = getenv("WARREN_EMULATOR"), *vendor = getenv("WARREN_VENDOR");

	return emulator && vendor && !strcmp(emulator, "bochs") && !strcmp(vendor, "svm");
}

bool host_has_shadow(void)
{
	const char *paging = getenv("WARREN_PAGING");

	return paging && !strcmp(paging, "shadow");
}

bool host_is_restricted(void)
{
	const char *params = getenv("WARREN_MODULE_PARAMS"), *vendor = getenv("WARREN_VENDOR");

	if (is_kvm() || !vendor || strcmp(vendor, "vmx"))
		return false;
	return host_has_shadow() || (params && strstr(params, "unrestricted_guest=0"));
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

bool force_emulation(bool on)
{
	return write_file(is_kvm() ? "/sys/module/kvm/parameters/force_emulation_prefix" :
			  "/sys/module/warren/parameters/force_emulation_prefix", on ? "1" : "0");
}

int open_device(void)
{
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		FAIL("open %s: %s", device_path(), strerror(errno));
	return fd;
}

int check_ext(int fd, u32 cap)
{
	return CHECK_OK(ioctl(fd, KVM_CHECK_EXTENSION, (unsigned long)cap));
}

void need_ext(u32 cap)
{
	int fd = open_device();

	if (!check_ext(fd, cap))
		SKIP("capability %u is not offered", cap);
	close(fd);
}

/* The signals of a timer or of another thread can make it EINTR, on KVM as well: it waits for all of the mm's locks. */
int vm_create(int dev)
{
	int fd;

	do {
		fd = ioctl(dev, KVM_CREATE_VM, 0ul);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

void vm_init_bare(struct vm *vm)
{
	memset(vm, 0, sizeof(*vm));
	vm->dev = open_device();
	vm->fd = CHECK_OK(vm_create(vm->dev));
}

void vm_init(struct vm *vm)
{
	vm_init_bare(vm);
	vm->mem = vm_add_mem(vm, SLOT_MAIN, 0, 0, VM_MEMORY);
}

void vm_irqchip(struct vm *vm)
{
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0ul));
}

void vm_free(struct vm *vm)
{
	close(vm->fd);
	close(vm->dev);
	if (vm->mem)
		munmap(vm->mem, VM_MEMORY);
}

void *host_alloc(size_t size, size_t align)
{
	u8 *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	u8 *q;

	if (p == MAP_FAILED)
		FAIL("mmap of %zu bytes: %s", size, strerror(errno));
	q = (u8 *)(((uintptr_t)p + align - 1) / align * align);
	if (q > p)
		munmap(p, q - p);
	if (q < p + align)
		munmap(q + size, p + align - q);
	return q;
}

int set_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

void *vm_add_mem(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size)
{
	void *p = host_alloc(size, PAGE);

	CHECK_OK(set_slot(vm, slot, flags, gpa, size, p));
	return p;
}

void vm_write(struct vm *vm, u64 gpa, const void *p, size_t n)
{
	if (gpa + n > VM_MEMORY)
		FAIL("vm_write past guest memory: %#llx", (unsigned long long)gpa);
	memcpy(vm->mem + gpa, p, n);
}

/* Copies the program's segments to where it is linked, as it is now. */
static void load_image(struct vm *vm)
{
	const Elf64_Phdr *ph = (const void *)((const u8 *)&__ehdr_start + __ehdr_start.e_phoff);
	int i;

	if (vm->image)
		return;
	vm->image = true;
	for (i = 0; i < __ehdr_start.e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			vm_write(vm, ph[i].p_vaddr, (const void *)ph[i].p_vaddr, ph[i].p_memsz);
}

void *vm_var(struct vm *vm, const volatile void *p)
{
	load_image(vm);
	return vm->mem + (uintptr_t)p;
}

bool in_child(void (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	int status;

	CHECK_OK(pid);
	if (!pid) {
		fn(arg);
		_exit(0);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void sleep_ms(u32 ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void on_kick(int sig)
{
	(void)sig;
}

void install_kick(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
}

void kick_and_join(pthread_t t, void **result)
{
	do {
		pthread_kill(t, SIGUSR1);
		sleep_ms(10);
	} while (pthread_tryjoin_np(t, result));
}

static void on_alarm(int sig)
{
	(void)sig;
}

void alarm_every(u32 ms)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval t = {
		.it_interval.tv_usec = ms * 1000, .it_value.tv_usec = ms * 1000,
	};

	CHECK_OK(sigaction(SIGALRM, &sa, NULL));
	CHECK_OK(setitimer(ITIMER_REAL, &t, NULL));
}
