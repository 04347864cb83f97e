import t from 'tap'
import { buildApp } from '../helpers/build-app.ts'

const TYPES = {
  '/v1/traffic': 'application/json; charset=utf-8',
  '/v1/traffic/ayalon': 'application/json; charset=utf-8',
  '/v1/traffic/ayalon/geojson': 'application/geo+json; charset=utf-8',
  '/v1/traffic/ayalon/history': 'application/json; charset=utf-8',
  '/v1/traffic/ayalon/history?format=csv': 'text/csv; charset=utf-8',
  '/v1/analytics': 'application/json; charset=utf-8',
  '/v1/upstream': 'application/problem+json; charset=utf-8',
  '/health': 'application/json; charset=utf-8',
  '/metrics': 'text/plain; version=0.0.4; charset=utf-8',
  '/openapi.json': 'application/json; charset=utf-8',
  '/docs': 'text/html; charset=utf-8',
  '/nowhere': 'application/problem+json; charset=utf-8',
}

t.test('every answer with a body says what it is, and in which letters', async (t) => {
  const { server } = await buildApp(t)
  for (const [url, type] of Object.entries(TYPES)) {
    const { headers, body } = await server.inject(url)
    t.ok(body.length > 0, url)
    t.equal(headers['content-type'], type, url)
    t.equal(headers['x-content-type-options'], 'nosniff', url)
  }
})
