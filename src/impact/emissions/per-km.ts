/** What one average vehicle of the fleet burns and emits on one kilometre. */
export interface PerKm {
  readonly litres: number
  readonly co2Kg: number
}
