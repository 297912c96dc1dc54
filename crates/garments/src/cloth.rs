//! Cloth as it is sewn: body, sleeves, collar, seams and folds, lit.

use crate::canvas::{Canvas, Point, Rgb, View, scale};
use crate::cut::{self, ARMPIT, Drape, WAIST, half_width, hem, mirrored, sleeve_radius, sleeve_span, whole};
use crate::fabric::{Fabric, seed_of};
use crate::factors::{Factors, Garment, Neckline, Silhouette, Sleeve};
use crate::limb::{Limb, Place};
use crate::maths::{bump, curve, ellipse, noise, smooth};
use crate::nuisances::Worn;

/// Where the light comes from and what it does.
#[derive(Debug, Clone)]
pub(crate) struct Light {
    direction: [f32; 3],
    sheen: f32,
}

impl Light {
    pub(crate) fn new(garment: &Garment) -> Self {
        let [x, y, z] = [0.62 * garment.nuisances.light_side, -0.45, 0.80];
        let norm = libm::sqrtf(x * x + y * y + z * z);
        Self { direction: [x / norm, y / norm, z / norm], sheen: garment.nuisances.sheen }
    }

    /// A surface whose normal leans by `x` and `y`.
    pub(crate) fn on(&self, colour: Rgb, x: f32, y: f32, sheen: f32) -> Rgb {
        let (x, y) = (x.clamp(-0.97, 0.97), y.clamp(-0.9, 0.9));
        let z = libm::sqrtf((1.0 - x * x - y * y).max(0.02));
        let [a, b, c] = self.direction;
        let facing = (a * x + b * y + c * z).max(0.0);
        let level = 0.46 + 0.66 * facing;
        let gloss = facing * facing;
        let gloss = sheen * gloss * gloss * gloss * gloss;
        // The last term keeps folds visible on black.
        colour.map(|value| value * level + 0.07 * (level - 0.78) + gloss)
    }
}

/// A garment, ready to be painted into a view.
pub(crate) struct Cloth<'a> {
    factors: &'a Factors,
    garment: &'a Garment,
    fabric: Fabric,
    light: Light,
    back: bool,
    flat: bool,
    drape: Drape,
    phase: f32,
}

impl<'a> Cloth<'a> {
    pub(crate) fn new(garment: &'a Garment, back: bool) -> Self {
        let flat = garment.nuisances.worn == Worn::Flat;
        let draw = |what: u32| seed_of(garment, what) as f32 / u32::MAX as f32;
        let phase = std::f32::consts::TAU * draw(1);
        let (folds, wave) = match garment.factors.silhouette {
            Silhouette::Sheath => (4.0, 0.0),
            Silhouette::ALine => (8.0, 0.0035),
            Silhouette::FitAndFlare => (12.5, 0.0055),
        };
        let drape = Drape { sag: if flat { 0.006 } else { 0.010 }, wave, folds: folds + draw(2), phase };
        let (fabric, light) = (Fabric::new(garment), Light::new(garment));
        Self { factors: &garment.factors, garment, fabric, light, back, flat, drape, phase }
    }

    /// The parts whose union throws the shadow.
    pub(crate) fn shapes(&self, arms: &[Limb; 2]) -> Vec<Vec<Point>> {
        let mut all = vec![cut::outline(self.factors, self.back, &self.drape)];
        all.extend(arms.iter().filter_map(|arm| self.sleeve_shape(arm)));
        all
    }

    fn sleeve_shape(&self, arm: &Limb) -> Option<Vec<Point>> {
        let span = sleeve_span(self.factors.sleeve)?;
        Some(arm.shape(span, true, |t| sleeve_radius(self.factors.sleeve, t)))
    }

    /// The inside of the back, seen through the neckline of what is laid flat.
    pub(crate) fn paint_inside(&self, canvas: &mut Canvas, view: &View) {
        if self.back || self.factors.sleeve == Sleeve::Strapless || self.factors.neckline == Neckline::Turtleneck {
            return;
        }
        let back = whole(&cut::upper(self.factors, true).neck);
        let front = cut::upper(self.factors, false).neck;
        let lowest = front[0][1] + 0.01;
        let mut shape = back.clone();
        shape.extend([[0.07, lowest], [-0.07, lowest]]);
        let inner = scale(self.fabric.ground, 0.62);
        canvas.fill(view, &shape, inner.map(|value| value + 0.03), 1.0);
        canvas.line(view, &back, 0.006, scale(self.fabric.ground, 0.85), 1.0);
        if self.factors.neckline == Neckline::Boat {
            // Too shallow for the label to show.
            return;
        }
        let label = [[-0.011, 0.163], [0.011, 0.163], [0.011, 0.173], [-0.011, 0.173]];
        canvas.fill(view, &label, [0.93, 0.92, 0.89], 0.95);
        canvas.line(view, &[[-0.007, 0.168], [0.007, 0.168]], 0.002, [0.2; 3], 0.8);
    }

    /// All of it, back to front.
    pub(crate) fn paint(&self, canvas: &mut Canvas, view: &View, arms: &[Limb; 2]) {
        self.paint_trunk(canvas, view);
        self.paint_arms(canvas, view, arms);
        self.paint_collar(canvas, view);
    }

    /// The body and what is sewn on it.
    pub(crate) fn paint_trunk(&self, canvas: &mut Canvas, view: &View) {
        let outline = cut::outline(self.factors, self.back, &self.drape);
        let footprint = view.footprint();
        canvas.paint(view, &outline, |point, _| self.body(point, footprint));
        self.edges(canvas, view);
    }

    /// The sleeves.
    pub(crate) fn paint_arms(&self, canvas: &mut Canvas, view: &View, arms: &[Limb; 2]) {
        for (arm, side) in arms.iter().zip([-1.0, 1.0]) {
            self.sleeve(canvas, view, arm, side);
        }
    }

    /// The turtleneck's collar, which goes over the neck.
    pub(crate) fn paint_collar(&self, canvas: &mut Canvas, view: &View) {
        if self.factors.neckline == Neckline::Turtleneck {
            self.collar(canvas, view);
        }
    }

    /// The body's colour at a place.
    fn body(&self, [x, y]: Point, footprint: f32) -> Rgb {
        let half = half_width(self.factors.silhouette, y);
        let u = (x / half).clamp(-1.0, 1.0);
        let (fold, crease) = (self.fold(u, y), self.crease(x, y));
        let round = if self.flat { 0.30 * u * u * u } else { 0.74 * u };
        let cloth = [x + 0.010 * fold * (y - WAIST).max(0.0), y + 0.006 * crease];
        let base = scale(self.fabric.at(cloth, footprint), self.fabric.weave([x, y]));
        let (bust_x, bust_y) = self.bust(x, y);
        let lean = round + fold + 0.35 * crease + bust_x;
        let hem = hem(self.factors.length);
        let near_hem = smooth((y - hem + 0.05) / 0.06);
        let edge = 1.0 - 0.16 * smooth((u.abs() - 0.72) / 0.28) - 0.05 * near_hem;
        let waist = if self.factors.silhouette == Silhouette::FitAndFlare {
            1.0 - 0.22 * bump((y - WAIST - 0.006) / 0.010)
        } else {
            1.0
        };
        scale(self.light.on(base, lean, 0.6 * crease + bust_y, 0.16 * self.light.sheen), edge * waist)
    }

    /// Slope of the skirt's folds.
    fn fold(&self, u: f32, y: f32) -> f32 {
        let depth = self.garment.nuisances.folds * if self.flat { 0.55 } else { 1.0 };
        let (strength, from) = match self.factors.silhouette {
            Silhouette::Sheath => (0.10, 0.06),
            Silhouette::ALine => (0.46, 0.02),
            Silhouette::FitAndFlare => (0.72, 0.0),
        };
        let grown = ((y - WAIST - from) / 0.16).clamp(0.0, 1.0);
        if grown <= 0.0 {
            return 0.0;
        }
        let seed = seed_of(self.garment, 3);
        let drift = 1.6 * (noise(seed, u * 2.0, y * 5.0) - 0.5);
        let angle = self.drape.folds * u + self.phase + drift;
        let second = libm::sinf(2.13 * angle + 1.7 + 2.0 * drift);
        depth * strength * (0.35 + 0.65 * grown) * grown.min(1.0) * (libm::sinf(angle) + 0.45 * second) * 0.72
    }

    /// Slope of the creases: fine at the waist and under the arms, faint elsewhere.
    fn crease(&self, x: f32, y: f32) -> f32 {
        let seed = seed_of(self.garment, 4);
        let slant = if x < 0.0 { y - 0.55 * x } else { y + 0.55 * x };
        let fine = noise(seed, x * 13.0 + 40.0, slant * 46.0) - 0.5;
        let wide = noise(seed ^ 9, x * 9.0 + 40.0, slant * 15.0 + 7.0) - 0.5;
        let waist = bump((y - WAIST + 0.01) / 0.055);
        let calm = if self.flat { 0.30 } else { 0.14 };
        self.garment.nuisances.folds * (fine * (0.10 + 0.62 * waist) + wide * (calm + 0.45))
    }

    /// Slopes at the bust.
    fn bust(&self, x: f32, y: f32) -> (f32, f32) {
        if self.flat || self.back || !(0.17..0.33).contains(&y) {
            return (0.0, 0.0);
        }
        let (u, v) = ((x.abs() - 0.037) / 0.030, (y - 0.248) / 0.032);
        let hill = bump(u) * bump(v);
        let side = if x < 0.0 { -1.0 } else { 1.0 };
        (0.42 * side * u * hill, 0.85 * v * hill)
    }

    fn sleeve(&self, canvas: &mut Canvas, view: &View, arm: &Limb, side: f32) {
        let Some([_, end]) = sleeve_span(self.factors.sleeve) else { return };
        let Some(shape) = self.sleeve_shape(arm) else { return };
        let footprint = view.footprint();
        canvas.paint(view, &shape, |point, _| {
            let place = arm.locate(point);
            self.sleeve_colour(arm, &place, point, side, footprint)
        });
        self.sleeve_seams(canvas, view, arm, side, end);
    }

    fn sleeve_colour(&self, arm: &Limb, place: &Place, point: Point, side: f32, footprint: f32) -> Rgb {
        let sleeve = self.factors.sleeve;
        let a = (place.across / sleeve_radius(sleeve, place.along)).clamp(-1.0, 1.0);
        let along = place.along * arm.length;
        let seed = seed_of(self.garment, if side < 0.0 { 5 } else { 6 });
        let cloth = [side * 0.2 + place.across, SHOULDER_PHASE + along];
        let base = scale(self.fabric.at(cloth, footprint), self.fabric.weave(point));
        let folds = self.garment.nuisances.folds;
        let wrinkle = noise(seed, 2.0 * a + 9.0, along * 52.0 + 4.0 * a) - 0.5;
        let elbow = 0.35 + 0.65 * bump((place.along - 0.52) / 0.16);
        let mut lean = (if self.flat { 0.55 } else { 0.80 }) * a + 0.45 * folds * wrinkle * elbow;
        let mut dark = 1.0 - 0.10 * smooth((a.abs() - 0.7) / 0.3);
        if sleeve == Sleeve::Puff {
            // Gathers: folds that run along, deepest where the cloth is taken in.
            let taken = 0.30 + 0.70 * smooth((place.along - 0.12) / 0.14).max(1.0 - smooth(place.along / 0.10));
            lean += 0.46 * taken * libm::sinf(11.0 * a + 3.0 * (noise(seed, a * 3.0, 1.0) - 0.5));
            dark *= 1.0 - 0.30 * smooth((place.along - 0.17) / 0.10);
        }
        let across = place.normal;
        let (x, y) = (lean * across[0], lean * across[1] + 0.15);
        let tip = 1.0 - 0.16 * (1.0 - smooth(place.along / 0.05));
        scale(self.light.on(base, x, y, 0.16 * self.light.sheen), dark * tip)
    }

    fn sleeve_seams(&self, canvas: &mut Canvas, view: &View, arm: &Limb, side: f32, end: f32) {
        let (sleeve, thread) = (self.factors.sleeve, self.fabric.thread());
        let across = |t: f32| {
            let (centre, normal) = arm.at(t);
            let r = sleeve_radius(sleeve, t) * 0.97;
            [
                [centre[0] - normal[0] * r, centre[1] - normal[1] * r],
                [centre[0] + normal[0] * r, centre[1] + normal[1] * r],
            ]
        };
        // Seam of the armhole: the inner half of the sleeve's cap.
        let seam = curve(&[[0.100, 0.162], [0.084, 0.176], [0.075, 0.205], [0.079, 0.236]], false, 4);
        let seam: Vec<Point> = if side < 0.0 { seam.iter().map(mirrored).collect() } else { seam };
        canvas.line(view, &seam, 0.0030, thread, 0.42);
        match sleeve {
            Sleeve::Puff => {
                let cuff = arm.shape([0.272, end], false, |t| sleeve_radius(sleeve, t));
                canvas.fill(view, &cuff, thread, 0.22);
                canvas.line(view, &across(0.272), 0.003, thread, 0.7);
            }
            Sleeve::Long => {
                canvas.line(view, &across(end - 0.075), 0.0030, thread, 0.55);
            }
            _ => {
                canvas.line(view, &across(end - 0.035), 0.0022, thread, 0.45);
            }
        }
        canvas.line(view, &across(end), 0.0032, thread, 0.50);
    }

    /// Bindings, hem, darts, belt, buttons, zip.
    fn edges(&self, canvas: &mut Canvas, view: &View) {
        let (factors, thread) = (self.factors, self.fabric.thread());
        let upper = cut::upper(factors, self.back);
        if factors.neckline != Neckline::Turtleneck {
            let neck = whole(&upper.neck);
            let inner: Vec<Point> = neck.iter().map(|[x, y]| [x * 1.06, y + 0.0055]).collect();
            canvas.line(view, &inner, 0.0026, thread, 0.45);
            canvas.line(view, &neck, BINDING, thread, 0.88);
        }
        if factors.sleeve == Sleeve::Sleeveless {
            let left: Vec<Point> = upper.armhole.iter().map(mirrored).collect();
            for hole in [&upper.armhole, &left] {
                canvas.line(view, hole, 0.0048, thread, 0.55);
            }
        }
        self.hem_line(canvas, view);
        if factors.silhouette != Silhouette::FitAndFlare {
            for side in [-1.0, 1.0] {
                canvas.line(view, &[[side * 0.040, 0.285], [side * 0.037, 0.375]], 0.0022, thread, 0.28);
            }
        }
        self.waist(canvas, view);
        if self.back {
            canvas.line(view, &[[0.0, upper.neck[0][1]], [0.0, 0.40]], 0.0026, thread, 0.6);
        } else if self.garment.nuisances.buttons {
            self.buttons(canvas, view);
        }
    }

    fn hem_line(&self, canvas: &mut Canvas, view: &View) {
        let hem = hem(self.factors.length);
        for (lift, width, opacity) in [(0.0015, 0.0035, 0.40), (0.0130, 0.0020, 0.40)] {
            let half = half_width(self.factors.silhouette, hem - lift) * 0.995;
            let line: Vec<Point> = (-12..=12)
                .map(|step| {
                    let u = step as f32 / 12.0;
                    [half * u, self.drape.at(hem, u) - lift]
                })
                .collect();
            canvas.line(view, &line, width, self.fabric.thread(), opacity);
        }
    }

    fn waist(&self, canvas: &mut Canvas, view: &View) {
        let half = half_width(self.factors.silhouette, WAIST);
        let arc = |y: f32| [[-half, y - 0.002], [-0.5 * half, y + 0.001], [0.5 * half, y + 0.001], [half, y - 0.002]];
        if self.garment.nuisances.belt {
            let belt = scale(self.fabric.thread(), 0.8);
            canvas.line(view, &arc(WAIST), 0.017, belt, 0.92);
            canvas.line(view, &arc(WAIST - 0.005), 0.002, [1.0; 3], 0.14);
            if !self.back {
                let buckle = ellipse([0.0, WAIST + 0.001], [0.009, 0.010]);
                canvas.line(view, &buckle, 0.0032, [0.78, 0.68, 0.42], 0.95);
            }
        } else if self.factors.silhouette == Silhouette::FitAndFlare {
            canvas.line(view, &arc(WAIST), 0.0036, self.fabric.thread(), 0.60);
        }
    }

    fn buttons(&self, canvas: &mut Canvas, view: &View) {
        let thread = self.fabric.thread();
        let (from, to) = (0.285, hem(self.factors.length) - 0.02);
        canvas.line(view, &[[0.011, from - 0.012], [0.011, to + 0.02]], 0.0020, thread, 0.40);
        let mut y = from;
        while y < to.min(0.60) {
            canvas.fill(view, &ellipse([0.0008, y + 0.0012], [0.0060, 0.0060]), [0.1; 3], 0.35);
            canvas.fill(view, &ellipse([0.0, y], [0.0056, 0.0056]), [0.93, 0.91, 0.86], 0.95);
            canvas.fill(view, &ellipse([0.0, y], [0.0018, 0.0018]), [0.3; 3], 0.7);
            y += 0.040;
        }
    }

    /// The turtleneck's collar, ribbed and turned down once.
    fn collar(&self, canvas: &mut Canvas, view: &View) {
        let right = [[0.0255, 0.0985], [0.0275, 0.1150], [0.0300, 0.1300], [0.0375, 0.1440]];
        let mut half = vec![[0.0, 0.1010]];
        half.extend(curve(&right, false, 4));
        half.push([0.0, 0.1560]);
        let mut shape: Vec<Point> = half.clone();
        shape.extend(half.iter().rev().map(mirrored));
        let footprint = view.footprint();
        canvas.paint(view, &shape, |[x, y], _| {
            let u = (x / 0.031).clamp(-1.0, 1.0);
            let rib = 0.16 * libm::sinf(x * 900.0) * (0.006 / (footprint + 0.004)).min(1.0);
            let turned = 1.0 - 0.22 * bump((y - 0.1325) / 0.0045) - 0.10 * bump((y - 0.152) / 0.006);
            let base = self.fabric.at([x, y], footprint);
            scale(self.light.on(base, 0.80 * u + rib, 0.0, 0.0), turned)
        });
        let top = [[-0.0255, 0.0990], [0.0, 0.1020], [0.0255, 0.0990]];
        canvas.line(view, &top, 0.0030, self.fabric.thread(), 0.55);
    }

    /// The light that it stands in.
    pub(crate) fn light(&self) -> &Light {
        &self.light
    }
}

/// Width of the binding along the neckline: broad enough to draw its shape on a busy pattern.
const BINDING: f32 = 0.0115;
/// Where a sleeve's pattern starts along the arm: at the height of the armpit's pattern, so that stripes about meet.
const SHOULDER_PHASE: f32 = ARMPIT - 0.05;
