/* The named limits, the joint projection and the ramp of batteries in plain C, a call per asset and step: what the
 * kernels are measured against. Written from docs/architecture.md, compiled with -O2; values are kW, + = discharging.
 */
#include <math.h>
#include <stdint.h>

enum { LIMITS = 16 };

struct asset {
    /* ratings */
    double nameplate_in, nameplate_out, rated_in, rated_out, energy_kwh, soc_min, soc_max, soc_taper, t_min, t_max;
    double t_taper, eff_in, eff_out, up, down, stop, horizon_s, promises;
    /* measured and decided before */
    double soc, temperature, bms_in, bms_out, before_kw, power_kw, desired_kw, service_kw, service_before_kw;
    double holds_low, holds_high, steady_s, age_s, reverts_after_s, reverts_to;
    double given_in[4], given_out[4]; /* apparent, effect, frequency, transformer */
    int64_t good, available, may_charge, may_discharge, remote, lost, armed, fault, follows;
    /* the trace and the outcome */
    double low[LIMITS], high[LIMITS], low_kw, high_kw, low_room_kw, high_room_kw, limited_kw, ramped_kw;
    double possible_low, possible_high;
    int64_t low_by, high_by, low_next, high_next, limited_by, limited_why, ramp_by, proven;
};

struct site {
    double room_in, room_out, ceiling_in, ceiling_out, low, high;
};

static inline double least(double a, double b) { return a < b ? a : b; }
static inline double most(double a, double b) { return a > b ? a : b; }

static inline double bms(double limit, double promised) {
    if (limit != limit) return promised > 0.5 ? 0.0 : INFINITY;
    return most(0.0, limit);
}

static inline double taper(double distance, double width, double rated) {
    if (distance != distance || distance <= 0.0) return 0.0;
    if (width <= 0.0 || distance >= width) return INFINITY;
    return rated * distance / width;
}

static inline double energy(double stored_kwh, double horizon_s) {
    if (stored_kwh != stored_kwh || stored_kwh <= 0.0) return 0.0;
    return stored_kwh * 3600.0 / horizon_s;
}

static inline double stopping(double before, double rate, double dt) {
    if (before != before || rate == INFINITY) return 0.0;
    return most(0.0, before - rate * dt);
}

static inline double clamp(double value, double low, double high) {
    if (value != value || low != low || high != high || low > 0.0 || high < 0.0) return 0.0;
    return value < low ? low : (value > high ? high : value);
}

static inline double rise(double start, double up, double down, double dt) {
    if (start >= 0.0) return start + up * dt;
    if (start + down * dt <= 0.0) return start + down * dt;
    return (dt + start / down) * up;
}

static inline void both(struct asset *a, int limit, double in, double out) {
    a->low[limit] = 0.0 - in;
    a->high[limit] = out;
}

__attribute__((noinline)) static void own_limits(struct asset *a, double dt) {
    double capacity = a->energy_kwh / 100.0;
    int along = a->lost && a->stop != INFINITY, good = a->good && !along;
    both(a, 0, a->nameplate_in, a->nameplate_out);
    both(a, 1, a->rated_in, a->rated_out);
    both(a, 2, bms(a->bms_in, a->promises), bms(a->bms_out, a->promises));
    both(a, 3, a->may_charge || along ? INFINITY : 0.0, a->may_discharge || along ? INFINITY : 0.0);
    both(a, 4, a->remote ? INFINITY : 0.0, a->remote ? INFINITY : 0.0);
    both(a, 5, a->available ? INFINITY : 0.0, a->available ? INFINITY : 0.0);
    both(a, 6, good ? INFINITY : stopping(most(0.0, -a->before_kw), a->stop, dt),
         good ? INFINITY : stopping(most(0.0, a->before_kw), a->stop, dt));
    double t = a->temperature, room = t == t ? least(t - a->t_min, a->t_max - t) : NAN;
    both(a, 7, taper(room, a->t_taper, a->rated_in), taper(room, a->t_taper, a->rated_out));
    double above = a->soc - a->soc_min, below = a->soc_max - a->soc;
    both(a, 8, taper(below, a->soc_taper, a->rated_in), taper(above, a->soc_taper, a->rated_out));
    both(a, 9, energy(below * capacity / a->eff_in, a->horizon_s), energy(above * capacity * a->eff_out, a->horizon_s));
    for (int k = 0; k < 3; k++) both(a, 10 + k, a->given_in[k], a->given_out[k]);
    both(a, 14, a->given_in[3], a->given_out[3]);

    a->proven = (a->may_charge || a->may_discharge) && a->good && a->follows;
    double low = 0.0, high = 0.0;
    if (!a->proven) {
        int away = !a->good, reverted = away && a->remote && a->steady_s > a->reverts_after_s && !(a->age_s <= a->reverts_after_s);
        low = least(0.0, a->holds_low), high = most(0.0, a->holds_high);
        if (away) low = least(low, a->reverts_to), high = most(high, a->reverts_to);
        if (!reverted && a->power_kw == a->power_kw) low = least(low, a->power_kw), high = most(high, a->power_kw);
        else if (!reverted) low = least(low, 0.0 - a->rated_in), high = most(high, a->rated_out);
    }
    a->possible_low = low, a->possible_high = high;
}

__attribute__((noinline)) static void share(struct asset *a, int limit, double in, double out, double taken_in, double taken_out) {
    double own_in = 0.0 - a->possible_low, own_out = a->possible_high;
    double part_in = most(0.0, in - most(0.0, taken_in - own_in)), part_out = most(0.0, out - most(0.0, taken_out - own_out));
    if (!a->proven) {
        part_in = in < INFINITY ? least(part_in, own_in) : part_in;
        part_out = out < INFINITY ? least(part_out, own_out) : part_out;
    }
    both(a, limit, part_in, part_out);
}

__attribute__((noinline)) static void bind(struct asset *a) {
    double in = INFINITY, next_in = INFINITY, out = INFINITY, next_out = INFINITY;
    int64_t in_by = 0, in_next = 0, out_by = 0, out_next = 0;
    for (int k = 0; k < LIMITS; k++) {
        double charge = 0.0 - a->low[k], discharge = a->high[k];
        if (charge < in) {
            next_in = in, in_next = in_by, in = charge, in_by = k + 1;
        } else if (charge < next_in) {
            next_in = charge, in_next = k + 1;
        }
        if (discharge < out) {
            next_out = out, out_next = out_by, out = discharge, out_by = k + 1;
        } else if (discharge < next_out) {
            next_out = discharge, out_next = k + 1;
        }
    }
    a->low_kw = 0.0 - in, a->high_kw = out, a->low_room_kw = next_in - in, a->high_room_kw = next_out - out;
    a->low_by = in_by, a->high_by = out_by, a->low_next = in_next, a->high_next = out_next;
    a->limited_kw = a->fault ? 0.0 : clamp(a->desired_kw, a->low_kw, a->high_kw);
    a->limited_by = a->desired_kw > a->limited_kw ? out_by : (a->desired_kw < a->limited_kw ? in_by : 0);
    a->limited_why = a->fault ? 2 : (a->limited_by != 0);
}

__attribute__((noinline)) static void ramp(struct asset *a, double dt) {
    double low = a->fault ? 0.0 : a->low_kw, high = a->fault ? 0.0 : a->high_kw;
    double origin = a->armed ? a->before_kw : a->power_kw;
    if (origin != origin) origin = 0.0;
    double start = clamp(origin, low, high), target = clamp(a->limited_kw, low, high);
    double was = a->service_before_kw, moved = a->service_kw - (was == was ? was : 0.0);
    if (moved != moved) moved = 0.0;
    double upper = rise(start, a->up, a->down, dt) + most(0.0, moved);
    double lower = 0.0 - rise(0.0 - start, a->up, a->down, dt) + least(0.0, moved);
    double ramped = target > upper ? upper : (target < lower ? lower : target);
    a->ramp_by = target > upper ? 1 : (target < lower ? 2 : (start != origin ? 3 : 0));
    a->ramped_kw = clamp(ramped, low, high);
}

static inline double *power(struct asset *a, int ramped) { return ramped ? &a->ramped_kw : &a->limited_kw; }

/* Everybody gets the same part of its wish, or what it already had less than that. */
static void cut(struct asset *assets, int64_t count, double bound, int ramped) {
    double part = 0.0;
    for (int pass = 0; pass < 8; pass++) {
        double wishes = 0.0, rest = bound;
        for (int64_t i = 0; i < count; i++) {
            double size = fabs(*power(&assets[i], ramped)), wish = ramped ? size : fabs(assets[i].desired_kw);
            if (!assets[i].proven) continue;
            if (size > part * wish)
                wishes += wish;
            else
                rest -= size;
        }
        if (!(wishes > 0.0) || !(rest / wishes > part)) break;
        part = rest / wishes;
    }
    for (int64_t i = 0; i < count; i++) {
        double *p = power(&assets[i], ramped), most = part * (ramped ? fabs(*p) : fabs(assets[i].desired_kw));
        if (assets[i].proven && fabs(*p) > most) *p = *p > 0.0 ? most : 0.0 - most;
    }
}

static void together(struct asset *assets, int64_t count, const struct site *site, int ramped) {
    double total = 0.0, kept = 0.0;
    for (int64_t i = 0; i < count; i++) total += *power(&assets[i], ramped);
    for (int64_t i = 0; i < count; i++) {
        double *p = power(&assets[i], ramped);
        if (*p != 0.0 && !(*p * total > 0.0)) *p = 0.0;
        if (assets[i].proven) kept += *p;
    }
    double bound = kept > 0.0 ? site->high : 0.0 - site->low;
    if (!(bound >= 0.0)) bound = 0.0;
    if (fabs(kept) > bound) cut(assets, count, bound, ramped);
}

void run(struct asset *assets, int64_t count, struct site *site, double dt) {
    double in = 0.0, out = 0.0;
    for (int64_t i = 0; i < count; i++) {
        own_limits(&assets[i], dt);
        in -= assets[i].possible_low, out += assets[i].possible_high;
    }
    for (int64_t i = 0; i < count; i++) {
        share(&assets[i], 13, site->room_in, site->room_out, in, out);
        share(&assets[i], 15, site->ceiling_in, site->ceiling_out, in, out);
        bind(&assets[i]);
    }
    site->low = 0.0 - least(most(0.0, site->room_in - in), most(0.0, site->ceiling_in - in));
    site->high = least(most(0.0, site->room_out - out), most(0.0, site->ceiling_out - out));
    together(assets, count, site, 0);
    for (int64_t i = 0; i < count; i++) ramp(&assets[i], dt);
    together(assets, count, site, 1);
}

int64_t size_of_asset(void) { return sizeof(struct asset); }
