/** Vehicle classes of the UK TAG fuel table. */
export const VEHICLE_CLASSES = [
  'petrolCar',
  'dieselCar',
  'dieselVan',
  'rigidTruck',
  'articulatedTruck',
  'bus',
] as const
export type VehicleClass = (typeof VEHICLE_CLASSES)[number]

/** Share of each class in the vehicle-kilometres; a class that is not named has none. Sums to 1. */
export type Fleet = Readonly<Partial<Record<VehicleClass, number>>>

/** Assumption: mostly petrol cars, 3 % heavy goods, 2 % buses. */
export const DEFAULT_FLEET: Fleet = {
  petrolCar: 0.8,
  dieselCar: 0.05,
  dieselVan: 0.1,
  rigidTruck: 0.02,
  articulatedTruck: 0.01,
  bus: 0.02,
}

const SHARE_TOLERANCE = 1e-6

/** True when the shares sum to 1, within rounding. */
export function sharesSumToOne(fleet: Fleet): boolean {
  const total = VEHICLE_CLASSES.reduce((sum, vehicle) => sum + (fleet[vehicle] ?? 0), 0)
  return Math.abs(total - 1) <= SHARE_TOLERANCE
}
