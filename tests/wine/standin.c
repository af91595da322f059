/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for net.exe, dism.exe, cscript.exe … below a phony %SystemRoot%, under Wine. Runs
 * without a C library: built by clang for Windows, linked against Wine's kernel32.dll.
 *
 * Appends "name arguments" to the file %W7_RECORD% and ends with the status of the first line
 * "TEXT=STATUS" in %W7_ANSWERS% whose TEXT is in that line, else with 0. Where a script
 * hands over a key by file, the file's first line is recorded too. reg.exe and the 64-bit cmd.exe
 * are the real ones of Wine's own system directory. log.vbs is not recorded; it is run when
 * W7_REAL_LOG=1, otherwise its line is written here, without a time and much faster.
 */
typedef void *HANDLE;
typedef unsigned int DWORD;

#define IMPORT __declspec(dllimport)
IMPORT void ExitProcess(DWORD);
IMPORT char *GetCommandLineA(void);
IMPORT DWORD GetModuleFileNameA(HANDLE, char *, DWORD);
IMPORT DWORD GetEnvironmentVariableA(const char *, char *, DWORD);
IMPORT HANDLE CreateFileA(const char *, DWORD, DWORD, void *, DWORD, DWORD, HANDLE);
IMPORT int ReadFile(HANDLE, void *, DWORD, DWORD *, void *);
IMPORT int WriteFile(HANDLE, const void *, DWORD, DWORD *, void *);
IMPORT int CloseHandle(HANDLE);
IMPORT int CreateProcessA(
    const char *, char *, void *, void *, int, DWORD, void *, const char *, void *, void *);
IMPORT DWORD WaitForSingleObject(HANDLE, DWORD);
IMPORT int GetExitCodeProcess(HANDLE, DWORD *);

#define INVALID ((HANDLE)(long long)-1)
#define GENERIC_READ 0x80000000u
#define FILE_APPEND_DATA 4u
#define OPEN_EXISTING 3u
#define OPEN_ALWAYS 4u
#define SHARE_ALL 7u
/* Buffers are static: nothing here probes the stack's guard page. */
#define LINE_SIZE 4096

/* The compiler makes calls to these of its own accord. */
void *memset(void *p, int c, unsigned long long n)
{
	for (char *s = p; n--; s++)
		*(volatile char *)s = (char)c;
	return p;
}

void *memcpy(void *to, const void *from, unsigned long long n)
{
	for (unsigned long long i = 0; i < n; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

static unsigned length(const char *s)
{
	unsigned n = 0;

	while (s[n])
		n++;
	return n;
}

static const char *find(const char *s, const char *part)
{
	for (unsigned n = length(part); *s; s++) {
		unsigned i = 0;

		while (i < n && s[i] == part[i])
			i++;
		if (i == n)
			return s;
	}
	return 0;
}

static void add(char *line, const char *s, unsigned n)
{
	unsigned at = length(line);

	for (unsigned i = 0; i < n && at < LINE_SIZE - 1; i++)
		line[at++] = s[i];
	line[at] = 0;
}

static void add_all(char *line, const char *s)
{
	add(line, s, length(s));
}

/* "C:\…\net.exe" -> "net" */
static void own_name(char *line)
{
	static char path[LINE_SIZE];
	char *start = path;

	GetModuleFileNameA(0, path, sizeof(path));
	for (char *p = path; *p; p++)
		if (*p == '\\')
			start = p + 1;
	add(line, start, length(start) - 4);
}

/* What follows the program's own name in the command line. */
static const char *arguments(void)
{
	const char *p = GetCommandLineA();
	int quoted = 0;

	for (; *p && (quoted || *p != ' '); p++)
		if (*p == '"')
			quoted = !quoted;
	while (*p == ' ')
		p++;
	return p;
}

static unsigned read_file(const char *path, char *out, unsigned size)
{
	HANDLE h = CreateFileA(path, GENERIC_READ, SHARE_ALL, 0, OPEN_EXISTING, 0, 0);
	DWORD n = 0;

	if (h != INVALID) {
		ReadFile(h, out, size - 1, &n, 0);
		CloseHandle(h);
	}
	out[n] = 0;
	return n;
}

static void append(const char *path, const char *line)
{
	HANDLE h = CreateFileA(path, FILE_APPEND_DATA, SHARE_ALL, 0, OPEN_ALWAYS, 0, 0);
	DWORD n;

	WriteFile(h, line, length(line), &n, 0);
	WriteFile(h, "\n", 1, &n, 0);
	CloseHandle(h);
}

static void record(const char *line)
{
	static char path[LINE_SIZE];

	if (GetEnvironmentVariableA("W7_RECORD", path, sizeof(path)))
		append(path, line);
}

/* install-key "FILE": what would be installed. */
static void record_key(const char *line)
{
	static char path[LINE_SIZE], key[LINE_SIZE], text[LINE_SIZE] = "key ";
	const char *p = find(line, "install-key \"");
	unsigned n = 0;

	if (!p)
		return;
	p += length("install-key \"");
	while (p[n] && p[n] != '"')
		n++;
	add(path, p, n);
	read_file(path, key, sizeof(key));
	for (n = 0; key[n] && key[n] != '\r' && key[n] != '\n';)
		n++;
	add(text, key, n);
	record(text);
}

static DWORD number(const char *s)
{
	int minus = *s == '-';
	DWORD n = 0;

	for (s += minus; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (DWORD)(*s - '0');
	return minus ? 0u - n : n;
}

/* The next argument of a command line, without its quotes. */
static const char *next_argument(const char *p, char *out)
{
	char end = ' ';

	while (*p == ' ')
		p++;
	if (*p == '"')
		end = *p++;
	const char *start = p;
	while (*p && *p != end)
		p++;
	*out = 0;
	add(out, start, (unsigned)(p - start));
	return *p ? p + 1 : p;
}

/* //nologo //B "log.vbs" "FILE" STEP CODE "TEXT" */
static void write_log(const char *p)
{
	static char file[LINE_SIZE], word[LINE_SIZE], line[LINE_SIZE];
	char hex[] = " 0x00000000 ";
	DWORD code;

	for (int i = 0; i < 4; i++)
		p = next_argument(p, file);
	add_all(line, "- ");
	p = next_argument(p, word);
	add_all(line, word);
	p = next_argument(p, word);
	code = number(word);
	for (int i = 10; i > 2; i--, code >>= 4)
		hex[i] = "0123456789ABCDEF"[code & 15];
	add_all(line, hex);
	next_argument(p, word);
	add_all(line, word);
	append(file, line);
}

static int is_set(const char *name)
{
	char value[2];

	return GetEnvironmentVariableA(name, value, sizeof(value)) == 1 && value[0] == '1';
}

static DWORD answer(const char *line)
{
	static char path[LINE_SIZE], all[4 * LINE_SIZE];

	if (!GetEnvironmentVariableA("W7_ANSWERS", path, sizeof(path)))
		return 0;
	read_file(path, all, sizeof(all));
	for (char *p = all; *p;) {
		char *equals = 0, *end = p;

		for (; *end && *end != '\n'; end++)
			if (*end == '=')
				equals = end;
		char *next = *end ? end + 1 : end;
		*end = 0;
		if (equals) {
			*equals = 0;
			if (*p && find(line, p))
				return number(equals + 1);
		}
		p = next;
	}
	return 0;
}

/*
 * cmd.exe /d /c ""SCRIPT"": through D:\enter.cmd, which sets up SystemRoot again. */
static void add_arguments(char *line, const char *name)
{
	const char *script = find(arguments(), "\"\"");

	if (find(name, "cmd") != name || !script) {
		add_all(line, arguments());
		return;
	}
	add_all(line, "/d /c D:\\enter.cmd ");
	add(line, script + 1, length(script + 1) - 1);
}

static DWORD run_real(const char *name)
{
	struct {
		DWORD size;
		char rest[100];
	} startup = {.size = 104};
	struct {
		HANDLE process, thread;
		DWORD process_id, thread_id;
	} started = {0};
	static char line[LINE_SIZE] = "C:\\windows\\system32\\";
	DWORD status = 99;

	add_all(line, name);
	add_all(line, ".exe ");
	add_arguments(line, name);
	if (!CreateProcessA(0, line, 0, 0, 1, 0, 0, 0, &startup, &started))
		return 98;
	WaitForSingleObject(started.process, 0xffffffffu);
	GetExitCodeProcess(started.process, &status);
	return status;
}

void start(void)
{
	static char line[LINE_SIZE], name[LINE_SIZE];

	own_name(name);
	if (find(arguments(), "log.vbs")) {
		if (is_set("W7_REAL_LOG"))
			ExitProcess(run_real(name));
		write_log(arguments());
		ExitProcess(0);
	}
	add_all(line, name);
	add_all(line, " ");
	add_all(line, arguments());
	record(line);
	record_key(line);
	if (find(name, "reg") == name || find(name, "cmd") == name)
		ExitProcess(run_real(name));
	ExitProcess(answer(line));
}
