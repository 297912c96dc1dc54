//! Who wears it: arms, hands, legs, head and hair, and trousers under tops.

use crate::canvas::{Canvas, Point, Rgb, View, mix, scale};
use crate::cloth::Light;
use crate::cut::{SHOULDER, mirrored};
use crate::fabric::seed_of;
use crate::factors::{Garment, Length};
use crate::limb::Limb;
use crate::maths::{curve, ellipse, lattice, smooth, table};
use crate::nuisances::{Arm, Worn};

/// Skin from light to dark.
const SKIN: [Rgb; 4] = [[0.95, 0.80, 0.71], [0.87, 0.67, 0.54], [0.70, 0.49, 0.36], [0.43, 0.29, 0.21]];
/// Hair colours.
const HAIR: [Rgb; 5] =
    [[0.10, 0.08, 0.07], [0.24, 0.15, 0.10], [0.40, 0.25, 0.15], [0.72, 0.54, 0.31], [0.48, 0.20, 0.11]];
/// Trousers under tops.
///
/// None is near a garment's colour, so that a top is told from a dress without looking at the garment's own colour.
const TROUSERS: [Rgb; 4] = [[0.27, 0.35, 0.50], [0.50, 0.43, 0.33], [0.55, 0.62, 0.70], [0.35, 0.31, 0.29]];
/// Shoes.
const SHOES: [Rgb; 4] = [[0.10, 0.09, 0.09], [0.62, 0.47, 0.35], [0.88, 0.85, 0.80], [0.45, 0.12, 0.13]];

/// The arms of a view, the image's left one first; laid flat, the sleeves lie as arms would.
pub(crate) fn arms(garment: &Garment, back: bool) -> [Limb; 2] {
    let [mut left, mut right] = garment.nuisances.pose.arms;
    if back {
        (left, right) = (right, left);
    }
    let build = |arm: &Arm, side: f32| {
        let (elbow, wrist) = if garment.nuisances.worn == Worn::Flat {
            // Side by side, two garments have less room for their sleeves.
            let out = if garment.nuisances.views == 2 { 0.24 + 0.14 * arm.spread } else { 0.45 + 0.30 * arm.spread };
            let end = [SHOULDER[0] + 0.280 * libm::sinf(out), SHOULDER[1] + 0.280 * libm::cosf(out)];
            ([0.5 * (SHOULDER[0] + end[0]) + 0.006, 0.5 * (SHOULDER[1] + end[1]) - 0.004], end)
        } else if arm.on_hip {
            ([0.176 + 0.012 * arm.spread, 0.300], [0.112 + 0.006 * arm.bend, 0.398])
        } else {
            let elbow = [0.124 + 0.020 * arm.spread, 0.317 - 0.006 * arm.bend];
            (elbow, [elbow[0] + 0.004 + 0.030 * arm.spread - 0.018 * arm.bend, 0.446 - 0.010 * arm.bend])
        };
        let at = |[x, y]: Point| [side * x, y];
        Limb::new(at(SHOULDER), at(elbow), at(wrist))
    };
    [build(&left, -1.0), build(&right, 1.0)]
}

/// The figure, ready to be painted into a view.
pub(crate) struct Figure<'a> {
    garment: &'a Garment,
    light: &'a Light,
    back: bool,
    skin: Rgb,
    hair: Rgb,
}

impl<'a> Figure<'a> {
    pub(crate) fn new(garment: &'a Garment, light: &'a Light, back: bool) -> Self {
        let pose = &garment.nuisances.pose;
        let place = pose.skin * (SKIN.len() - 1) as f32;
        let index = (place as usize).min(SKIN.len() - 2);
        let skin = mix(SKIN[index], SKIN[index + 1], place - index as f32);
        Self { garment, light, back, skin, hair: choose(&HAIR, pose.hair_colour) }
    }

    /// What lies behind the garment: hair, legs, trunk and arms.
    pub(crate) fn paint_behind(&self, canvas: &mut Canvas, view: &View, arms: &[Limb; 2]) {
        if !self.back {
            self.hair_behind(canvas, view);
        }
        self.trunk(canvas, view);
        self.legs(canvas, view);
        for arm in arms {
            self.arm(canvas, view, arm, 0.0);
        }
    }

    /// What lies before it: forearms and hands (a sleeve goes over them), head and hair.
    pub(crate) fn paint_forearms(&self, canvas: &mut Canvas, view: &View, arms: &[Limb; 2]) {
        for (arm, side) in arms.iter().zip([-1.0, 1.0]) {
            self.arm(canvas, view, arm, 0.5);
            self.hand(canvas, view, arm, side);
        }
    }

    fn skin_at(&self, limb: &Limb, radius: impl Fn(f32) -> f32) -> impl Fn(Point, Rgb) -> Rgb {
        let limb = limb.clone();
        move |point, _| {
            let place = limb.locate(point);
            let a = 0.72 * (place.across / radius(place.along)).clamp(-1.0, 1.0);
            self.light.on(self.skin, a * place.normal[0], a * place.normal[1], 0.03)
        }
    }

    fn arm(&self, canvas: &mut Canvas, view: &View, arm: &Limb, from: f32) {
        let radius = |t: f32| {
            table(&[[0.0, 0.0235], [0.15, 0.0225], [0.48, 0.0180], [0.60, 0.0182], [0.85, 0.0138], [1.0, 0.0120]], t)
        };
        canvas.paint_body(view, &arm.shape([from, 1.0], from == 0.0, radius), self.skin_at(arm, radius));
    }

    fn hand(&self, canvas: &mut Canvas, view: &View, arm: &Limb, side: f32) {
        let (wrist, normal) = arm.at(1.0);
        let on_hip = wrist[1] < 0.42;
        // Along the forearm; a hand on the hip turns in and down.
        let ahead = if on_hip { [-side * 0.55, 0.83] } else { [normal[1], -normal[0]] };
        let out = [ahead[1], -ahead[0]];
        let at = |forward: f32, aside: f32| {
            [wrist[0] + ahead[0] * forward + out[0] * aside, wrist[1] + ahead[1] * forward + out[1] * aside]
        };
        let palm: Vec<Point> = [
            at(-0.004, -0.0115),
            at(0.010, -0.0125),
            at(0.022, -0.0120),
            at(0.025, 0.0),
            at(0.022, 0.0120),
            at(0.010, 0.0125),
            at(-0.004, 0.0115),
        ]
        .into();
        let (skin, dark) = (self.light.on(self.skin, 0.1, 0.1, 0.0), scale(self.skin, 0.60));
        for (aside, length) in [(-0.0090, 0.040), (-0.0030, 0.045), (0.0030, 0.044), (0.0090, 0.038)] {
            canvas.line(view, &[at(0.018, aside), at(length, 0.8 * aside)], 0.0066, dark, 0.55);
            canvas.line(view, &[at(0.018, aside), at(length - 0.001, 0.8 * aside)], 0.0056, skin, 1.0);
        }
        canvas.paint_body(view, &curve(&palm, true, 3), |_, _| skin);
        canvas.line(view, &[at(0.006, -side * 0.011), at(0.024, -side * 0.0165)], 0.0064, skin, 1.0);
    }

    fn trunk(&self, canvas: &mut Canvas, view: &View) {
        let right = [
            [0.0190, 0.085],
            [0.0195, 0.118],
            [0.0240, 0.136],
            [0.0500, 0.1465],
            [0.0900, 0.162],
            [0.1000, 0.178],
            [0.0800, 0.235],
            [0.0630, 0.300],
            [0.0540, 0.345],
            [0.0780, 0.430],
            [0.0850, 0.470],
        ];
        let mut shape = curve(&right, false, 4);
        shape.extend(shape.clone().iter().rev().map(mirrored));
        canvas.paint_body(view, &shape, |[x, y], _| {
            let half = table(&[[0.11, 0.021], [0.14, 0.034], [0.17, 0.10], [0.235, 0.088]], y);
            let under_chin = 1.0 - 0.30 * (1.0 - smooth((y - 0.108) / 0.022));
            scale(self.light.on(self.skin, 0.62 * x / half, -0.05, 0.02), under_chin)
        });
        if self.back {
            canvas.line(view, &[[0.0, 0.150], [0.0, 0.30]], 0.004, scale(self.skin, 0.6), 0.22);
            return;
        }
        for side in [-1.0, 1.0] {
            let collarbone = [[side * 0.012, 0.158], [side * 0.040, 0.1555], [side * 0.078, 0.161]];
            canvas.line(view, &curve(&collarbone, false, 3), 0.0038, scale(self.skin, 0.62), 0.30);
            canvas.line(view, &[[side * 0.018, 0.128], [side * 0.006, 0.154]], 0.0030, scale(self.skin, 0.62), 0.20);
        }
    }

    fn legs(&self, canvas: &mut Canvas, view: &View) {
        let pose = &self.garment.nuisances.pose;
        let foot = 0.030 + 0.022 * pose.stance;
        let shoe = choose(&SHOES, pose.shoes);
        for side in [-1.0, 1.0] {
            let leg =
                Limb::new([side * 0.044, 0.440], [side * (0.036 + 0.006 * pose.stance), 0.682], [side * foot, 0.935]);
            let radius = |t: f32| {
                table(
                    &[
                        [0.0, 0.045],
                        [0.20, 0.042],
                        [0.47, 0.0265],
                        [0.55, 0.0255],
                        [0.68, 0.0270],
                        [0.92, 0.0145],
                        [1.0, 0.0140],
                    ],
                    t,
                )
            };
            canvas.paint_body(view, &leg.shape([0.0, 1.0], false, radius), self.skin_at(&leg, radius));
            let toe = side * (foot + 0.006);
            let sole = [
                [toe - 0.0145, 0.935],
                [toe - 0.0175, 0.957],
                [toe, 0.9665],
                [toe + 0.0175, 0.957],
                [toe + 0.0145, 0.935],
                [toe, 0.944],
            ];
            canvas.paint_body(view, &curve(&sole, true, 4), |[x, _], _| {
                self.light.on(shoe, 0.6 * (x - toe) / 0.018, 0.1, 0.05)
            });
            if self.garment.factors.length == Length::Top {
                let waist = [[0.0, 0.405], [0.081, 0.405], [0.0925, 0.445], [0.0925, 0.462], [0.0, 0.475]];
                let waist = waist.map(|[x, y]| [side * x, y]);
                canvas.paint_body(view, &waist, |[x, _], _| {
                    self.light.on(choose(&TROUSERS, pose.stance), 0.8 * x / 0.1, 0.0, 0.0)
                });
                self.trouser(canvas, view, &leg);
            }
        }
    }

    fn trouser(&self, canvas: &mut Canvas, view: &View, leg: &Limb) {
        let colour = choose(&TROUSERS, self.garment.nuisances.pose.stance);
        let radius = |t: f32| table(&[[0.0, 0.0475], [0.20, 0.0445], [0.50, 0.0300], [0.97, 0.0225]], t);
        let seed = seed_of(self.garment, 20);
        canvas.paint_body(view, &leg.shape([0.0, 0.965], false, radius), |point, _| {
            let place = leg.locate(point);
            let a = (place.across / radius(place.along)).clamp(-1.0, 1.0);
            let crease = crate::maths::noise(seed, a * 2.0 + 7.0, place.along * 24.0 + 3.0 * a) - 0.5;
            let near = (1.0 - smooth((place.along - 0.02) / 0.10)).max(0.35);
            self.light.on(colour, 0.75 * a * place.normal[0] + 0.5 * near * crease, 0.2 * crease, 0.0)
        });
        let seam: Vec<Point> = (0..=8).map(|step| leg.at(0.12 + 0.10 * step as f32).0).collect();
        canvas.line(view, &seam, 0.0018, scale(colour, 0.6), 0.25);
    }

    /// Head, face and the hair before or around it.
    pub(crate) fn paint_head(&self, canvas: &mut Canvas, view: &View) {
        let half = [[0.0, -0.012], [0.034, 0.008], [0.0405, 0.045], [0.0370, 0.078], [0.0210, 0.104]];
        let mut face: Vec<Point> = half.into();
        face.push([0.0, 0.1125]);
        face.extend(half[1..].iter().rev().map(mirrored));
        canvas.paint_body(view, &curve(&face, true, 4), |[x, y], _| {
            let cheek = 1.0 - 0.10 * smooth((y - 0.085) / 0.03);
            scale(self.light.on(self.skin, 0.70 * x / 0.041, 0.3 * (y - 0.06) / 0.06, 0.03), cheek)
        });
        if self.back {
            self.hair_over(canvas, view, &self.back_of_hair());
        } else {
            self.face(canvas, view);
            self.hair_over(canvas, view, &self.fringe());
            if self.garment.nuisances.pose.hair_cut == 3 {
                let lock = [
                    [0.030, 0.010],
                    [0.050, 0.060],
                    [0.066, 0.120],
                    [0.080, 0.165],
                    [0.074, 0.185],
                    [0.066, 0.160],
                    [0.050, 0.115],
                    [0.038, 0.07],
                ];
                let side = if self.garment.nuisances.pose.hair_colour > 0.5 { 1.0 } else { -1.0 };
                self.hair_over(canvas, view, &curve(&lock.map(|[x, y]| [side * x, y]), true, 4));
            }
        }
    }

    fn face(&self, canvas: &mut Canvas, view: &View) {
        let dark = mix(scale(self.skin, 0.45), self.hair, 0.4);
        for side in [-1.0, 1.0] {
            let eye = [side * 0.0165, 0.0490];
            canvas.fill(view, &ellipse(eye, [0.0066, 0.0032]), [0.95, 0.94, 0.93], 0.9);
            canvas.fill(view, &ellipse(eye, [0.0031, 0.0033]), [0.20, 0.14, 0.10], 1.0);
            let lid = [[eye[0] - 0.0075, 0.0485], [eye[0], 0.0450], [eye[0] + 0.0075, 0.0480]];
            canvas.line(view, &curve(&lid, false, 3), 0.0020, scale(dark, 0.6), 0.9);
            let brow = [[eye[0] - 0.0085, 0.0395], [eye[0], 0.0365], [eye[0] + 0.0085, 0.0395]];
            canvas.line(view, &curve(&brow, false, 3), 0.0028, dark, 0.8);
            canvas.fill(view, &ellipse([side * 0.025, 0.071], [0.009, 0.007]), [0.85, 0.42, 0.38], 0.12);
        }
        let nose = [[0.0035, 0.052], [0.0048, 0.066], [0.0, 0.0705], [-0.0045, 0.068]];
        canvas.line(view, &curve(&nose, false, 3), 0.0018, scale(self.skin, 0.62), 0.55);
        let lips = [[-0.0125, 0.0860], [0.0, 0.0835], [0.0125, 0.0860], [0.0, 0.0925]];
        canvas.fill(view, &curve(&lips, true, 3), mix(self.skin, [0.72, 0.22, 0.25], 0.68), 1.0);
        canvas.line(view, &[[-0.011, 0.0863], [0.0, 0.0870], [0.011, 0.0863]], 0.0012, [0.30, 0.08, 0.09], 0.8);
    }

    fn hair_over(&self, canvas: &mut Canvas, view: &View, shape: &[Point]) {
        let seed = seed_of(self.garment, 30);
        canvas.paint_body(view, shape, |[x, y], _| {
            // Strands: lighter and darker bands that run from the parting outward.
            let strand = lattice(seed, (x / (0.5 + y.max(0.0)) * 260.0) as i32, 0) - 0.5;
            let gloss = 0.22 * crate::maths::bump((y - 0.018 - 0.2 * x.abs()) / 0.014);
            self.light.on(scale(self.hair, 1.0 + 0.30 * strand + gloss), 0.6 * x / 0.055, 0.0, 0.05)
        });
    }

    fn hair_behind(&self, canvas: &mut Canvas, view: &View) {
        let half: &[Point] = match self.garment.nuisances.pose.hair_cut {
            0 => &[[0.0, -0.030], [0.040, -0.015], [0.054, 0.040], [0.060, 0.110], [0.068, 0.180], [0.030, 0.215]],
            1 => &[[0.0, -0.030], [0.042, -0.015], [0.056, 0.040], [0.057, 0.090], [0.046, 0.118], [0.020, 0.115]],
            2 => &[[0.0, -0.026], [0.034, -0.012], [0.046, 0.020], [0.045, 0.055], [0.030, 0.085], [0.010, 0.090]],
            _ => &[[0.0, -0.030], [0.041, -0.015], [0.053, 0.040], [0.056, 0.100], [0.050, 0.150], [0.020, 0.160]],
        };
        let mut shape: Vec<Point> = half.to_vec();
        shape.extend(half[1..].iter().rev().map(mirrored));
        self.hair_over(canvas, view, &curve(&shape, true, 4));
    }

    fn fringe(&self) -> Vec<Point> {
        let parting = 0.012 * (2.0 * self.garment.nuisances.pose.hair_colour - 1.0);
        let points = [
            [parting, 0.008],
            [0.020, 0.022],
            [0.036, 0.050],
            [0.039, 0.075],
            [0.048, 0.070],
            [0.050, 0.030],
            [0.036, -0.018],
            [0.0, -0.032],
            [-0.036, -0.018],
            [-0.050, 0.030],
            [-0.048, 0.070],
            [-0.039, 0.075],
            [-0.036, 0.050],
            [-0.020, 0.022],
        ];
        curve(&points, true, 4)
    }

    fn back_of_hair(&self) -> Vec<Point> {
        let half: &[Point] = match self.garment.nuisances.pose.hair_cut {
            0 => &[[0.0, -0.032], [0.042, -0.014], [0.054, 0.040], [0.058, 0.100], [0.050, 0.150], [0.0, 0.162]],
            2 => &[[0.0, -0.026], [0.036, -0.010], [0.047, 0.030], [0.043, 0.064], [0.030, 0.092], [0.0, 0.112]],
            _ => &[[0.0, -0.032], [0.042, -0.014], [0.055, 0.040], [0.054, 0.088], [0.036, 0.116], [0.0, 0.120]],
        };
        let mut shape: Vec<Point> = half.to_vec();
        shape.extend(half[1..half.len() - 1].iter().rev().map(mirrored));
        shape.push([0.0, -0.032]);
        curve(&shape, true, 4)
    }
}

/// The entry of a list at a share of its length.
fn choose(list: &[Rgb], share: f32) -> Rgb {
    list[((share * list.len() as f32) as usize).min(list.len() - 1)]
}
