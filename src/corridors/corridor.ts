import { z } from 'zod'
import { EMISSION_CURVE_IDS } from '../impact/emissions/curve.ts'
import { sharesSumToOne, VEHICLE_CLASSES } from '../impact/emissions/fleet.ts'

/** A name that can stand in a URL. */
const slug = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens')

const text = z.string().min(1).max(500)
const speedLimitKmh = z.number().min(10).max(200)

/** Latitude, then longitude. */
const point = z.tuple([z.number().min(-90).max(90), z.number().min(-180).max(180)]).readonly()

/** A constant that is an assumption or a price: the number, where it comes from, and when. */
const sourced = (amount: z.ZodNumber) =>
  z.strictObject({ amount, source: text, date: text }).readonly()

export const sectionSchema = z
  .strictObject({
    id: slug,
    from: text,
    to: text,
    /** Length along the road, metres. */
    lengthM: z.number().min(50).max(100_000),
    /** Mean number of general-traffic lanes, without bus lanes. */
    lanes: z.number().min(0.5).max(20),
    /** Posted limit where it differs from the corridor's, km/h. */
    limitKmh: speedLimitKmh.optional(),
    /** The carriageway in driving order. */
    points: z.tuple([point, point], point).readonly(),
  })
  .readonly()

export const vehicleShares = z
  .strictObject(
    Object.fromEntries(
      VEHICLE_CLASSES.map((vehicle) => [vehicle, z.number().min(0).max(1).optional()]),
    ),
  )
  .refine(sharesSumToOne, 'the shares of the vehicle classes must sum to 1')

export const emissionCurveId = z.enum(EMISSION_CURVE_IDS)

const directionSchema = z
  .strictObject({
    direction: slug,
    sections: z.tuple([sectionSchema], sectionSchema).readonly(),
  })
  .readonly()

const dayFactor = z.number().min(0).max(5)
const dayFactors = { working: dayFactor, eve: dayFactor, rest: dayFactor, yomKippur: dayFactor }

/** The form of a corridor file. */
export const corridorSchema = z
  .strictObject({
    id: slug,
    name: text,
    /** IANA name; days begin and hours are told in it. */
    timeZone: z.string().refine(isTimeZone, 'must be an IANA time zone'),
    /** ISO 4217 code of the prices. */
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
    /** Which days are working days. */
    calendar: z.enum(['israel', 'monday-friday']),
    /** Whose geometry this is; repeated in every answer. */
    attribution: text,
    postedLimitKmh: speedLimitKmh,
    /** Vehicles on a working day in each direction, and the uncertainty of that number as a share. */
    demand: z
      .strictObject({
        vehiclesPerDay: sourced(z.number().min(0).max(1_000_000)),
        uncertainty: z.number().min(0).max(1),
        /** Traffic of each kind of day as a share of a working day's, where it is known better. */
        dayFactors: z.strictObject(dayFactors).readonly().optional(),
      })
      .readonly(),
    prices: z
      .strictObject({
        valueOfTimePerVehH: sourced(z.number().min(0)),
        fuelPerLitre: sourced(z.number().min(0)),
      })
      .readonly(),
    /** Shares of the vehicle classes, where they differ from the default. */
    fleet: vehicleShares.optional(),
    emissionCurve: emissionCurveId.optional(),
    directions: z.tuple([directionSchema], directionSchema).readonly(),
  })
  .readonly()

/** A road in one or more directions, each an unbroken row of sections in driving order. */
export type Corridor = z.infer<typeof corridorSchema>
export type Direction = Corridor['directions'][number]
export type Section = Direction['sections'][number]

/** Every section of the corridor, direction by direction, in driving order. */
export const sectionsOf = (corridor: Corridor): Section[] =>
  corridor.directions.flatMap((direction) => direction.sections)

/** The posted limit of a section, km/h. */
export const limitKmhOf = (corridor: Corridor, section: Section): number =>
  section.limitKmh ?? corridor.postedLimitKmh

/** An offset such as +03:00 is none: it knows no summer time. */
function isTimeZone(name: string): boolean {
  try {
    return /^[A-Z]/i.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
