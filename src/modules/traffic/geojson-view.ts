import type { Corridor } from '../../corridors/corridor.ts'
import type { GeojsonView } from './schemas.ts'
import { type Choice, evaluate, headView, type Servable, sectionView } from './snapshot-view.ts'

/**
 * The snapshot's sections on the map. Provider and tier go with each feature, because features
 * are often taken out of their collection.
 */
export function geojsonView(corridor: Corridor, served: Servable, choice: Choice): GeojsonView {
  const { model, result } = evaluate(corridor, served, choice)
  const snapshot = headView(served)
  const { provider, tier } = snapshot
  return {
    type: 'FeatureCollection',
    corridor: corridor.id,
    attribution: corridor.attribution,
    snapshot,
    model,
    features: result.directions.flatMap(({ direction, sections }) =>
      sections.map((part) => ({
        type: 'Feature',
        id: part.section.id,
        geometry: {
          type: 'LineString',
          coordinates: part.section.points.map(([lat, lon]) => [lon, lat]),
        },
        properties: { ...sectionView(corridor, part), direction, provider, tier },
      })),
    ),
  }
}
