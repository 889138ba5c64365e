/*
 * A stand-in for libnvidia-ml.so.1: simulated GPUs behind the real pynvml.
 *
 * ECOAUDIT_STANDIN_NVML names a text file (written by __init__.py beside this file). Every reading
 * is a pure function of that file and of CLOCK_MONOTONIC, so all processes see the same boards, and
 * a test knows the energy that a perfect meter would report.
 *
 *     origin_monotonic_s 1234.5           when trace time 0 was, on CLOCK_MONOTONIC
 *     driver_not_loaded                   a flag stands alone
 *     gpu                                 the keys that follow describe this GPU
 *     name NVIDIA L4
 *     power steps 0:60 0.25:300 loop 1    or: power constant W | power square LOW HIGH PERIOD_S
 *
 * Keys are the member names of Gpu and Config below. The file is read on every nvmlInit; a handle
 * keeps its meaning (the n-th GPU) across that. With the variable unset, nvmlInit answers
 * LIBRARY_NOT_FOUND, as if no library were installed.
 *
 * Layouts follow nvml.h 13; only what the tests need is here, and pynvml turns a missing symbol
 * into NVML_ERROR_FUNCTION_NOT_FOUND.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_GPUS = 16, MAX_MIG_DEVICES = 7, TEXT_SIZE = 96 };
enum { AVERAGE_WINDOW_S = 1 }; /* of POWER_AVERAGE and, on newer boards, of GetPowerUsage */
enum { FIRST_IMPOSSIBLE_PID = 1 << 22 }; /* Linux never hands out a pid from here on */

typedef enum {
    NVML_SUCCESS = 0,
    NVML_ERROR_UNINITIALIZED = 1,
    NVML_ERROR_INVALID_ARGUMENT = 2,
    NVML_ERROR_NOT_SUPPORTED = 3,
    NVML_ERROR_NO_PERMISSION = 4,
    NVML_ERROR_NOT_FOUND = 6,
    NVML_ERROR_INSUFFICIENT_SIZE = 7,
    NVML_ERROR_DRIVER_NOT_LOADED = 9,
    NVML_ERROR_LIBRARY_NOT_FOUND = 12,
    NVML_ERROR_GPU_IS_LOST = 15,
    NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_ERROR_UNKNOWN = 999,
} nvmlReturn_t;

typedef void *nvmlDevice_t; /* not a pointer here: 1 + GPU index, and 1 + MIG index above bit 8 */

typedef struct {
    double start_s, watts;
    double energy_j; /* integral of the trace from its time 0 to start_s */
} Segment;

typedef struct {
    char name[TEXT_SIZE], uuid[TEXT_SIZE], pci_bus_id[TEXT_SIZE];
    char compute_capability[TEXT_SIZE];
    unsigned long long architecture, pci_device_id;
    unsigned long long memory_total_bytes, memory_used_bytes;
    unsigned long long temperature_c, gpu_utilization, memory_utilization;
    unsigned long long clocks_event_reasons, processes;
    /* Limits: 0 = not supported. */
    double power_limit_w, default_power_limit_w, min_power_limit_w, max_power_limit_w;
    /* The counter holds its value between ticks at origin + phase + n * step; 0 = continuous. */
    double counter_step_ms, counter_phase_ms, counter_offset_mj;
    /* Power is the mean over the window that ended at the last tick; window 0 = a point sample. */
    double power_step_ms, power_phase_ms, power_window_ms;
    double lost_at_s, back_at_s, reset_at_s; /* trace time */
    double latency_ms; /* that each call for this board takes; its answer is of the end of it */
    double stuck_from_s, no_counter_from_s; /* trace time */
    bool no_counter, no_power, no_field_185, no_field_186, legacy_power_averaged, stuck_counter;
    bool mig, no_mig, no_mig_ids;
    char mig_devices[MAX_MIG_DEVICES][TEXT_SIZE];
    unsigned mig_slices[MAX_MIG_DEVICES]; /* compute slices of each MIG device */
    unsigned long long board_slices; /* of the whole board; 0: the question is not permitted */
    unsigned n_mig_devices;
    Segment *segments; /* starts at 0; the last value is held unless loop_s > 0 */
    size_t n_segments;
    double loop_s, loop_j;
} Gpu;

typedef struct {
    double origin_monotonic_s;
    char driver_version[TEXT_SIZE];
    unsigned long long cuda_driver_version;
    bool driver_not_loaded, no_permission;
    unsigned n_gpus;
    Gpu gpus[MAX_GPUS];
} Config;

/* A Config never changes once published and is never freed, so readers need no lock. */
static _Atomic(const Config *) current;
static atomic_int init_count;

/* ---- The simulated board ------------------------------------------------------------------- */

static const Segment *segment_at(const Gpu *gpu, double t)
{
    size_t low = 0, high = gpu->n_segments; /* the answer is in [low, high) */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (gpu->segments[middle].start_s <= t)
            low = middle;
        else
            high = middle;
    }
    return &gpu->segments[low];
}

/* Energy since trace time 0. Negative before it: the first value is held, or the loop runs back. */
static double energy_j(const Gpu *gpu, double t)
{
    double turns = gpu->loop_s > 0 ? floor(t / gpu->loop_s) : 0;
    t -= turns * gpu->loop_s;
    const Segment *segment = segment_at(gpu, t);
    return turns * gpu->loop_j + segment->energy_j + segment->watts * (t - segment->start_s);
}

static double mean_w(const Gpu *gpu, double t, double window_s)
{
    if (window_s > 0)
        return (energy_j(gpu, t) - energy_j(gpu, t - window_s)) / window_s;
    double turns = gpu->loop_s > 0 ? floor(t / gpu->loop_s) : 0;
    return segment_at(gpu, t - turns * gpu->loop_s)->watts;
}

static double last_tick(double t, double step_ms, double phase_ms)
{
    if (step_ms <= 0)
        return t;
    double step_s = step_ms / 1e3, phase_s = phase_ms / 1e3;
    return floor((t - phase_s) / step_s) * step_s + phase_s;
}

static nvmlReturn_t read_counter(const Gpu *gpu, double t, unsigned long long *millijoules)
{
    if (gpu->no_counter)
        return NVML_ERROR_NOT_SUPPORTED;
    if (t >= gpu->no_counter_from_s)
        return NVML_ERROR_UNKNOWN;
    double seen = fmin(t, gpu->stuck_from_s);
    double tick = last_tick(seen, gpu->counter_step_ms, gpu->counter_phase_ms);
    double value = gpu->counter_offset_mj;
    if (t >= gpu->reset_at_s) /* until the first tick after a reset, tick lies before it: zero */
        value = fmax(0, 1e3 * (energy_j(gpu, tick) - energy_j(gpu, gpu->reset_at_s)));
    else if (!gpu->stuck_counter)
        value += 1e3 * energy_j(gpu, tick);
    *millijoules = (unsigned long long)fmax(0, round(value));
    return NVML_SUCCESS;
}

static nvmlReturn_t read_power(const Gpu *gpu, double t, double window_s, unsigned *milliwatts)
{
    if (gpu->no_power)
        return NVML_ERROR_NOT_SUPPORTED;
    double tick = last_tick(t, gpu->power_step_ms, gpu->power_phase_ms);
    *milliwatts = (unsigned)lround(1e3 * mean_w(gpu, tick, window_s));
    return NVML_SUCCESS;
}

static nvmlReturn_t read_limit(double limit_w, unsigned *milliwatts)
{
    if (limit_w <= 0)
        return NVML_ERROR_NOT_SUPPORTED;
    *milliwatts = (unsigned)lround(1e3 * limit_w);
    return NVML_SUCCESS;
}

/* ---- Reading the configuration ------------------------------------------------------------- */

typedef enum { TEXT, REAL, COUNT, FLAG } Kind;
typedef struct {
    const char *name;
    Kind kind;
    size_t offset;
} Key;

#define KEY(type, kind, member) { #member, kind, offsetof(type, member) }

static const Key config_keys[] = {
    KEY(Config, REAL, origin_monotonic_s),   KEY(Config, TEXT, driver_version),
    KEY(Config, COUNT, cuda_driver_version), KEY(Config, FLAG, driver_not_loaded),
    KEY(Config, FLAG, no_permission),        { NULL, TEXT, 0 },
};
static const Key gpu_keys[] = {
    KEY(Gpu, TEXT, name),                  KEY(Gpu, TEXT, uuid),
    KEY(Gpu, TEXT, pci_bus_id),            KEY(Gpu, TEXT, compute_capability),
    KEY(Gpu, COUNT, architecture),         KEY(Gpu, COUNT, pci_device_id),
    KEY(Gpu, COUNT, memory_total_bytes),   KEY(Gpu, COUNT, memory_used_bytes),
    KEY(Gpu, COUNT, temperature_c),        KEY(Gpu, COUNT, gpu_utilization),
    KEY(Gpu, COUNT, memory_utilization),   KEY(Gpu, COUNT, clocks_event_reasons),
    KEY(Gpu, COUNT, processes),            KEY(Gpu, REAL, power_limit_w),
    KEY(Gpu, REAL, default_power_limit_w), KEY(Gpu, REAL, min_power_limit_w),
    KEY(Gpu, REAL, max_power_limit_w),     KEY(Gpu, REAL, counter_step_ms),
    KEY(Gpu, REAL, counter_phase_ms),      KEY(Gpu, REAL, counter_offset_mj),
    KEY(Gpu, REAL, power_step_ms),         KEY(Gpu, REAL, power_phase_ms),
    KEY(Gpu, REAL, power_window_ms),       KEY(Gpu, REAL, lost_at_s),
    KEY(Gpu, REAL, back_at_s),             KEY(Gpu, REAL, latency_ms),
    KEY(Gpu, REAL, stuck_from_s),          KEY(Gpu, REAL, no_counter_from_s),
    KEY(Gpu, FLAG, no_field_185),          KEY(Gpu, COUNT, board_slices),
    KEY(Gpu, REAL, reset_at_s),            KEY(Gpu, FLAG, no_counter),
    KEY(Gpu, FLAG, no_power),              KEY(Gpu, FLAG, no_field_186),
    KEY(Gpu, FLAG, legacy_power_averaged), KEY(Gpu, FLAG, stuck_counter),
    KEY(Gpu, FLAG, mig),                   KEY(Gpu, FLAG, no_mig),
    KEY(Gpu, FLAG, no_mig_ids),
    { NULL, TEXT, 0 },
};

static bool set_key(const Key *key, void *record, const char *name, const char *value)
{
    while (key->name && strcmp(key->name, name) != 0)
        key++;
    if (!key->name)
        return false;
    void *member = (char *)record + key->offset;
    char *end = "";
    switch (key->kind) {
    case TEXT:
        return snprintf(member, TEXT_SIZE, "%s", value) < TEXT_SIZE;
    case REAL:
        *(double *)member = strtod(value, &end);
        return *value && !*end;
    case COUNT:
        *(unsigned long long *)member = strtoull(value, &end, 0);
        return *value && !*end;
    case FLAG:
        *(bool *)member = true;
        return !*value;
    }
    return false;
}

static bool add_segment(Gpu *gpu, double start_s, double watts)
{
    double energy = 0;
    if (gpu->n_segments > 0) {
        const Segment *last = &gpu->segments[gpu->n_segments - 1];
        energy = last->energy_j + last->watts * (start_s - last->start_s);
        if (start_s <= last->start_s)
            return false;
    } else if (start_s != 0) {
        return false;
    }
    if ((gpu->n_segments & (gpu->n_segments - 1)) == 0) { /* full at each power of two */
        size_t capacity = gpu->n_segments ? 2 * gpu->n_segments : 1;
        Segment *grown = realloc(gpu->segments, capacity * sizeof *grown);
        if (!grown)
            return false;
        gpu->segments = grown;
    }
    gpu->segments[gpu->n_segments++] = (Segment){ start_s, watts, energy };
    return true;
}

static bool set_loop(Gpu *gpu, double loop_s)
{
    if (gpu->n_segments == 0 || loop_s <= gpu->segments[gpu->n_segments - 1].start_s)
        return false;
    gpu->loop_j = energy_j(gpu, loop_s); /* before loop_s is set: one turn from start to end */
    gpu->loop_s = loop_s;
    return true;
}

static bool set_power(Gpu *gpu, char *text)
{
    double a, b, period_s;
    char end;
    gpu->n_segments = 0;
    gpu->loop_s = 0;
    if (sscanf(text, "constant %lf %c", &a, &end) == 1)
        return add_segment(gpu, 0, a);
    if (sscanf(text, "square %lf %lf %lf %c", &a, &b, &period_s, &end) == 3)
        return add_segment(gpu, 0, a) && add_segment(gpu, period_s / 2, b) &&
               set_loop(gpu, period_s);
    char *rest = NULL, *word = strtok_r(text, " ", &rest);
    if (!word || strcmp(word, "steps") != 0)
        return false;
    while ((word = strtok_r(NULL, " ", &rest))) {
        if (strcmp(word, "loop") == 0) {
            word = strtok_r(NULL, " ", &rest);
            return word && sscanf(word, "%lf", &period_s) == 1 && set_loop(gpu, period_s) &&
                   !strtok_r(NULL, " ", &rest);
        }
        if (sscanf(word, "%lf:%lf %c", &a, &b, &end) != 2 || !add_segment(gpu, a, b))
            return false;
    }
    return gpu->n_segments > 0;
}

static bool read_line(Config *config, char *name, char *value)
{
    if (strcmp(name, "gpu") == 0) {
        if (config->n_gpus == MAX_GPUS)
            return false;
        Gpu *added = &config->gpus[config->n_gpus++];
        added->lost_at_s = added->back_at_s = added->reset_at_s = INFINITY;
        added->stuck_from_s = added->no_counter_from_s = INFINITY;
        return add_segment(added, 0, 0);
    }
    if (config->n_gpus == 0)
        return set_key(config_keys, config, name, value);
    Gpu *gpu = &config->gpus[config->n_gpus - 1];
    if (strcmp(name, "power") == 0)
        return set_power(gpu, value);
    if (strcmp(name, "mig_device") == 0) { /* UUID, and its compute slices */
        unsigned n = gpu->n_mig_devices;
        if (n == MAX_MIG_DEVICES ||
            sscanf(value, "%95s %u", gpu->mig_devices[n], &gpu->mig_slices[n]) != 2)
            return false;
        gpu->n_mig_devices++;
        return true;
    }
    return set_key(gpu_keys, gpu, name, value);
}

static const Config *read_config(const char *path)
{
    FILE *file = fopen(path, "r");
    Config *config = calloc(1, sizeof *config);
    if (!file || !config) {
        fprintf(stderr, "nvml stand-in: %s: cannot read it\n", path);
        if (file)
            fclose(file);
        free(config);
        return NULL;
    }
    bool good = true;
    char *line = NULL;
    size_t size = 0;
    for (unsigned number = 1; good && getline(&line, &size, file) >= 0; number++) {
        line[strcspn(line, "\r\n")] = '\0';
        char *name = line + strspn(line, " ");
        char *value = name + strcspn(name, " ");
        if (*name == '\0' || *name == '#')
            continue;
        if (*value)
            *value++ = '\0';
        good = read_line(config, name, value);
        if (!good)
            fprintf(stderr, "nvml stand-in: %s:%u: %s: unknown key or bad value\n", path, number,
                    name);
    }
    free(line);
    fclose(file);
    return good ? config : NULL; /* a bad one leaks, as replaced ones do: this is a test library */
}

/* ---- The library --------------------------------------------------------------------------- */

/* Lets load_in_process() tell this library from the real one. */
int ecoaudit_standin_nvml(void)
{
    return 1;
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    const char *path = getenv("ECOAUDIT_STANDIN_NVML");
    if (!path || !*path)
        return NVML_ERROR_LIBRARY_NOT_FOUND;
    const Config *config = read_config(path);
    if (!config)
        return NVML_ERROR_UNKNOWN;
    if (config->driver_not_loaded)
        return NVML_ERROR_DRIVER_NOT_LOADED;
    if (config->no_permission)
        return NVML_ERROR_NO_PERMISSION;
    atomic_store(&current, config);
    atomic_fetch_add(&init_count, 1);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void)
{
    return nvmlInitWithFlags(0);
}

nvmlReturn_t nvmlShutdown(void)
{
    int count = atomic_load(&init_count);
    while (count > 0)
        if (atomic_compare_exchange_weak(&init_count, &count, count - 1))
            return NVML_SUCCESS;
    return NVML_ERROR_UNINITIALIZED;
}

const char *nvmlErrorString(nvmlReturn_t result)
{
    switch (result) {
    case NVML_SUCCESS: return "Success";
    case NVML_ERROR_UNINITIALIZED: return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT: return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED: return "Not Supported";
    case NVML_ERROR_NO_PERMISSION: return "Insufficient Permissions";
    case NVML_ERROR_NOT_FOUND: return "Not Found";
    case NVML_ERROR_INSUFFICIENT_SIZE: return "Insufficient Size";
    case NVML_ERROR_DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case NVML_ERROR_LIBRARY_NOT_FOUND: return "NVML Shared Library Not Found";
    case NVML_ERROR_GPU_IS_LOST: return "GPU is lost";
    case NVML_ERROR_ARGUMENT_VERSION_MISMATCH: return "Argument version mismatch";
    default: return "Unknown Error";
    }
}

static nvmlReturn_t copy_text(const char *text, char *buffer, unsigned length)
{
    if (strlen(text) >= length)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    memcpy(buffer, text, strlen(text) + 1);
    return NVML_SUCCESS;
}

#define CONFIG_OR_RETURN()                                                                         \
    const Config *config = atomic_load(&init_count) > 0 ? atomic_load(&current) : NULL;            \
    if (!config)                                                                                   \
        return NVML_ERROR_UNINITIALIZED

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    CONFIG_OR_RETURN();
    return copy_text(config->driver_version, version, length);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    CONFIG_OR_RETURN();
    *version = (int)config->cuda_driver_version;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    return nvmlSystemGetCudaDriverVersion(version);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    CONFIG_OR_RETURN();
    *count = config->n_gpus;
    return NVML_SUCCESS;
}

/* ---- Handles ------------------------------------------------------------------------------- */

static nvmlDevice_t make_handle(unsigned gpu_index, unsigned one_plus_mig_index)
{
    return (nvmlDevice_t)(uintptr_t)(gpu_index + 1 + (one_plus_mig_index << 8));
}

static double trace_time_s(const Config *config)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec - config->origin_monotonic_s + 1e-9 * (double)now.tv_nsec;
}

/* What a handle stands for, and the trace time of this call. mig may be NULL where a MIG device
   is no valid argument; *mig is the device's UUID, or NULL for a whole GPU. */
static nvmlReturn_t resolve(nvmlDevice_t handle, const Gpu **gpu, const char **mig, double *t)
{
    CONFIG_OR_RETURN();
    uintptr_t index = ((uintptr_t)handle & 0xff) - 1, mig_index = (uintptr_t)handle >> 8;
    if (index >= config->n_gpus || mig_index > config->gpus[index].n_mig_devices)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (mig_index && !mig)
        return NVML_ERROR_NOT_SUPPORTED;
    *gpu = &config->gpus[index];
    if (mig)
        *mig = mig_index ? (*gpu)->mig_devices[mig_index - 1] : NULL;
    if ((*gpu)->latency_ms > 0) {
        double seconds = (*gpu)->latency_ms / 1e3;
        nanosleep(&(struct timespec){ (time_t)seconds, (long)(1e9 * fmod(seconds, 1)) }, NULL);
    }
    *t = trace_time_s(config);
    bool lost = *t >= (*gpu)->lost_at_s && *t < (*gpu)->back_at_s;
    return lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
}

/* Declares gpu and t for the whole GPU behind a handle, or leaves the function. */
#define GPU_OR_RETURN(handle)                                                                      \
    const Gpu *gpu;                                                                                \
    double t;                                                                                      \
    nvmlReturn_t status = resolve(handle, &gpu, NULL, &t);                                         \
    if (status != NVML_SUCCESS)                                                                    \
        return status

static nvmlReturn_t give_handle(nvmlDevice_t handle, nvmlDevice_t *device)
{
    const Gpu *gpu;
    const char *mig;
    double t;
    nvmlReturn_t status = resolve(handle, &gpu, &mig, &t);
    if (status == NVML_SUCCESS)
        *device = handle;
    return status;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device)
{
    CONFIG_OR_RETURN();
    if (index >= config->n_gpus)
        return NVML_ERROR_INVALID_ARGUMENT;
    return give_handle(make_handle(index, 0), device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    CONFIG_OR_RETURN();
    for (unsigned i = 0; i < config->n_gpus; i++) {
        const Gpu *gpu = &config->gpus[i];
        if (strcmp(gpu->uuid, uuid) == 0)
            return give_handle(make_handle(i, 0), device);
        for (unsigned m = 0; m < gpu->n_mig_devices; m++)
            if (strcmp(gpu->mig_devices[m], uuid) == 0)
                return give_handle(make_handle(i, m + 1), device);
    }
    return NVML_ERROR_NOT_FOUND;
}

typedef struct {
    unsigned domain, bus, device, function;
} PciAddress;

static bool parse_pci(const char *text, PciAddress *pci)
{
    return sscanf(text, "%x:%x:%x.%x", &pci->domain, &pci->bus, &pci->device, &pci->function) == 4;
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *device)
{
    CONFIG_OR_RETURN();
    PciAddress wanted, own;
    if (!parse_pci(bus_id, &wanted))
        return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned i = 0; i < config->n_gpus; i++) /* by value: "0000:01:.." is "00000000:01:.." */
        if (parse_pci(config->gpus[i].pci_bus_id, &own) && memcmp(&own, &wanted, sizeof own) == 0)
            return give_handle(make_handle(i, 0), device);
    return NVML_ERROR_NOT_FOUND;
}

/* ---- Identity ------------------------------------------------------------------------------ */

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned *index)
{
    GPU_OR_RETURN(device);
    *index = (unsigned)(uintptr_t)device - 1;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length)
{
    GPU_OR_RETURN(device);
    return copy_text(gpu->name, name, length);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length)
{
    const Gpu *gpu;
    const char *mig;
    double t;
    nvmlReturn_t status = resolve(device, &gpu, &mig, &t);
    return status == NVML_SUCCESS ? copy_text(mig ? mig : gpu->uuid, uuid, length) : status;
}

typedef struct {
    char busIdLegacy[16];
    unsigned domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *info)
{
    GPU_OR_RETURN(device);
    PciAddress pci;
    if (!parse_pci(gpu->pci_bus_id, &pci))
        return NVML_ERROR_UNKNOWN;
    memset(info, 0, sizeof *info);
    info->domain = pci.domain;
    info->bus = pci.bus;
    info->device = pci.device;
    info->pciDeviceId = (unsigned)gpu->pci_device_id;
    snprintf(info->busIdLegacy, sizeof info->busIdLegacy, "%04X:%02X:%02X.%X", pci.domain & 0xffff,
             pci.bus & 0xff, pci.device & 0xff, pci.function & 0xf);
    snprintf(info->busId, sizeof info->busId, "%08X:%02X:%02X.%X", pci.domain, pci.bus & 0xff,
             pci.device & 0xff, pci.function & 0xf);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned *architecture)
{
    GPU_OR_RETURN(device);
    *architecture = (unsigned)gpu->architecture;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    GPU_OR_RETURN(device);
    return sscanf(gpu->compute_capability, "%d.%d", major, minor) == 2 ? NVML_SUCCESS
                                                                       : NVML_ERROR_UNKNOWN;
}

/* ---- MIG ----------------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *now, unsigned *pending)
{
    GPU_OR_RETURN(device);
    *now = *pending = gpu->mig;
    return gpu->no_mig ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned *is_mig)
{
    nvmlDevice_t known;
    *is_mig = (uintptr_t)device >> 8 != 0;
    return give_handle(device, &known);
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned *count)
{
    GPU_OR_RETURN(device);
    *count = gpu->no_mig ? 0 : MAX_MIG_DEVICES;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index,
                                                 nvmlDevice_t *mig_device)
{
    GPU_OR_RETURN(device);
    if (gpu->no_mig)
        return NVML_ERROR_NOT_SUPPORTED;
    if (index >= gpu->n_mig_devices)
        return NVML_ERROR_NOT_FOUND;
    *mig_device = make_handle((unsigned)(uintptr_t)device - 1, index + 1);
    return NVML_SUCCESS;
}

/* Documented: for handles of MIG devices alone. The n-th is GPU instance n, all of it. */
static nvmlReturn_t instance_id(nvmlDevice_t device, unsigned *id, unsigned value)
{
    const Gpu *gpu;
    const char *mig;
    double t;
    nvmlReturn_t status = resolve(device, &gpu, &mig, &t);
    if (status != NVML_SUCCESS)
        return status;
    *id = value;
    return mig && !gpu->no_mig_ids ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned *id)
{
    return instance_id(device, id, (unsigned)((uintptr_t)device >> 8));
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned *id)
{
    return instance_id(device, id, 0);
}

typedef struct {
    unsigned multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount;
    unsigned sharedJpegCount, sharedOfaCount, gpuInstanceSliceCount, computeInstanceSliceCount;
    unsigned long long memorySizeMB;
} nvmlDeviceAttributes_t;

/* Documented: for handles of MIG devices alone. */
nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
    const Gpu *gpu;
    const char *mig;
    double t;
    nvmlReturn_t status = resolve(device, &gpu, &mig, &t);
    if (status != NVML_SUCCESS)
        return status;
    if (!mig)
        return NVML_ERROR_NOT_SUPPORTED;
    unsigned slices = gpu->mig_slices[((uintptr_t)device >> 8) - 1];
    *attributes = (nvmlDeviceAttributes_t){ .gpuInstanceSliceCount = slices,
                                            .computeInstanceSliceCount = slices };
    return NVML_SUCCESS;
}

typedef struct {
    unsigned id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount, copyEngineCount;
    unsigned decoderCount, encoderCount, jpegCount, ofaCount;
    unsigned long long memorySizeMB;
} nvmlGpuInstanceProfileInfo_t;

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned profile,
                                                 nvmlGpuInstanceProfileInfo_t *info)
{
    static const unsigned slices[] = { 1, 2, 3, 4, 7, 8, 6 }; /* by NVML_GPU_INSTANCE_PROFILE_* */
    GPU_OR_RETURN(device);
    if (gpu->no_mig)
        return NVML_ERROR_NOT_SUPPORTED;
    if (gpu->board_slices == 0)
        return NVML_ERROR_NO_PERMISSION;
    if (profile >= sizeof slices / sizeof *slices || slices[profile] > gpu->board_slices)
        return NVML_ERROR_NOT_SUPPORTED;
    *info = (nvmlGpuInstanceProfileInfo_t){ .id = profile, .sliceCount = slices[profile] };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig_device,
                                                          nvmlDevice_t *device)
{
    if ((uintptr_t)mig_device >> 8 == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    return give_handle((nvmlDevice_t)((uintptr_t)mig_device & 0xff), device);
}

/* ---- Energy and power ---------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device,
                                                 unsigned long long *millijoules)
{
    GPU_OR_RETURN(device);
    return read_counter(gpu, t, millijoules);
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned *milliwatts)
{
    GPU_OR_RETURN(device);
    double window_s = gpu->legacy_power_averaged ? AVERAGE_WINDOW_S : gpu->power_window_ms / 1e3;
    return read_power(gpu, t, window_s, milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned *milliwatts)
{
    GPU_OR_RETURN(device);
    return read_limit(gpu->power_limit_w, milliwatts);
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned *milliwatts)
{
    return nvmlDeviceGetPowerManagementLimit(device, milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned *milliwatts)
{
    GPU_OR_RETURN(device);
    return read_limit(gpu->default_power_limit_w, milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned *min_mw,
                                                          unsigned *max_mw)
{
    GPU_OR_RETURN(device);
    status = read_limit(gpu->min_power_limit_w, min_mw);
    return status == NVML_SUCCESS ? read_limit(gpu->max_power_limit_w, max_mw) : status;
}

typedef struct {
    uint32_t fieldId, scopeId;
    int64_t timestamp, latencyUsec;
    uint32_t valueType, nvmlReturn;
    union {
        unsigned uiVal;
        unsigned long long ullVal;
    } value;
} nvmlFieldValue_t;

enum { VALUE_TYPE_UNSIGNED_INT = 1, VALUE_TYPE_UNSIGNED_LONG_LONG = 3 };

static nvmlReturn_t read_field(const Gpu *gpu, double t, nvmlFieldValue_t *field)
{
    unsigned *milliwatts = &field->value.uiVal;
    field->valueType = VALUE_TYPE_UNSIGNED_INT;
    if (field->scopeId != 0) /* scope 0 is the GPU; module and memory scopes are not simulated */
        return NVML_ERROR_NOT_SUPPORTED;
    switch (field->fieldId) {
    case 83: /* TOTAL_ENERGY_CONSUMPTION */
        field->valueType = VALUE_TYPE_UNSIGNED_LONG_LONG;
        return read_counter(gpu, t, &field->value.ullVal);
    case 185: /* POWER_AVERAGE */
        if (gpu->no_field_185)
            return NVML_ERROR_NOT_SUPPORTED;
        return read_power(gpu, t, AVERAGE_WINDOW_S, milliwatts);
    case 186: /* POWER_INSTANT */
        if (gpu->no_field_186)
            return NVML_ERROR_NOT_SUPPORTED;
        return read_power(gpu, t, gpu->power_window_ms / 1e3, milliwatts);
    case 187: return read_limit(gpu->min_power_limit_w, milliwatts);
    case 188: return read_limit(gpu->max_power_limit_w, milliwatts);
    case 189: return read_limit(gpu->default_power_limit_w, milliwatts);
    case 190: /* CURRENT_LIMIT */
    case 192: /* REQUESTED_LIMIT */
        return read_limit(gpu->power_limit_w, milliwatts);
    default: /* also 191, ENERGY, whose meaning is not documented */
        return NVML_ERROR_NOT_SUPPORTED;
    }
}

/* As in the real library, the call succeeds though a field may have failed. */
nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *fields)
{
    GPU_OR_RETURN(device);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < count; i++) {
        fields[i].timestamp = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
        fields[i].latencyUsec = 0;
        fields[i].value.ullVal = 0;
        fields[i].nvmlReturn = read_field(gpu, t, &fields[i]);
    }
    return NVML_SUCCESS;
}

/* ---- State --------------------------------------------------------------------------------- */

typedef struct {
    unsigned long long total, free, used;
} nvmlMemory_t;

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    GPU_OR_RETURN(device);
    memory->total = gpu->memory_total_bytes;
    memory->used = gpu->memory_used_bytes;
    memory->free = memory->total - memory->used;
    return NVML_SUCCESS;
}

typedef struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    GPU_OR_RETURN(device);
    if (memory->version != (sizeof *memory | 2u << 24))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    memory->total = gpu->memory_total_bytes;
    memory->used = gpu->memory_used_bytes;
    memory->free = memory->total - memory->used;
    memory->reserved = 0;
    return NVML_SUCCESS;
}

typedef struct {
    unsigned gpu, memory;
} nvmlUtilization_t;

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
    GPU_OR_RETURN(device);
    if (gpu->mig) /* documented: not supported on a GPU with MIG enabled */
        return NVML_ERROR_NOT_SUPPORTED;
    utilization->gpu = (unsigned)gpu->gpu_utilization;
    utilization->memory = (unsigned)gpu->memory_utilization;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned sensor, unsigned *celsius)
{
    GPU_OR_RETURN(device);
    if (sensor != 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    *celsius = (unsigned)gpu->temperature_c;
    return NVML_SUCCESS;
}

typedef struct {
    unsigned version, sensorType;
    int temperature;
} nvmlTemperature_v1_t;

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_v1_t *temperature)
{
    if (temperature->version != (sizeof *temperature | 1u << 24))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    unsigned celsius = 0;
    nvmlReturn_t status = nvmlDeviceGetTemperature(device, temperature->sensorType, &celsius);
    temperature->temperature = (int)celsius;
    return status;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device,
                                                    unsigned long long *reasons)
{
    GPU_OR_RETURN(device);
    *reasons = gpu->clocks_event_reasons;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
                                                       unsigned long long *reasons)
{
    return nvmlDeviceGetCurrentClocksEventReasons(device, reasons);
}

nvmlReturn_t nvmlDeviceGetComputeMode(nvmlDevice_t device, unsigned *mode)
{
    GPU_OR_RETURN(device);
    *mode = 0;
    return NVML_SUCCESS;
}

typedef struct {
    unsigned pid;
    unsigned long long usedGpuMemory;
    unsigned gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_t;

/* The processes share the used memory evenly and have pids that no live process can have. */
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *count,
                                                     nvmlProcessInfo_t *infos)
{
    GPU_OR_RETURN(device);
    unsigned room = *count;
    *count = (unsigned)gpu->processes;
    if (room < *count)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < *count; i++)
        infos[i] = (nvmlProcessInfo_t){ FIRST_IMPOSSIBLE_PID + i,
                                        gpu->memory_used_bytes / *count, UINT32_MAX, UINT32_MAX };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned *count,
                                                      nvmlProcessInfo_t *infos)
{
    GPU_OR_RETURN(device);
    (void)infos;
    *count = 0;
    return NVML_SUCCESS;
}
