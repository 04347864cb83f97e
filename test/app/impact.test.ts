import t, { type Test } from 'tap'
import { impactSchema } from '../../src/modules/impact/schemas.ts'
import { buildApp } from '../helpers/build-app.ts'

const jam = {
  id: 'a',
  lengthKm: 5,
  lanes: 4,
  speedKmh: 14,
  freeFlowKmh: 90,
  limitKmh: 90,
  profileVehH: 5000,
}

async function poster(t: Test) {
  const { server } = await buildApp(t)
  return async (payload: object | string, headers: Record<string, string> = {}) =>
    server.inject({
      method: 'POST',
      url: '/v1/impact',
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { 'content-type': 'application/json', ...headers },
    })
}

t.test('sections that a caller sends get the impact of the published vector', async (t) => {
  const post = await poster(t)
  const response = await post({ sections: [jam] })
  t.equal(response.statusCode, 200)
  const view = impactSchema.parse(response.json())
  t.equal(view.rates?.delay.central.toFixed(3), '1263.521')
  t.equal(view.rates?.excessFuel.central.toFixed(3), '1294.288')
  t.equal(view.rates?.excessCo2.central.toFixed(3), '3131.738')
  t.equal(view.sections[0]?.vehiclesPresent?.central.toFixed(3), '1496.275')
  t.equal(view.rates?.timeCost.unit, 'ILS/h')
  t.match(view.model.parameters.prices, { fuelPerLitre: { amount: 7.02, date: '2026-03' } })
  t.equal(view.coverage, 1)
})

t.test('travel time stands for speed, and measured flow closes the band', async (t) => {
  const post = await poster(t)
  const { speedKmh, ...timed } = { ...jam, travelTimeSeconds: (5 / 14) * 3600 }
  const view = impactSchema.parse(
    (await post({ sections: [{ ...timed, measuredFlowVehH: 4000 }] })).json(),
  )
  t.equal(view.sections[0]?.speedKmh, speedKmh)
  t.strictSame(view.sections[0]?.flow, { unit: 'veh/h', low: 4000, central: 4000, high: 4000 })
  const { low, central, high } = view.rates?.delay ?? {}
  t.equal(central?.toFixed(3), ((4000 * 1085.714285714) / 3600).toFixed(3))
  t.ok(low === central && central === high)
})

t.test('the frozen model reproduces its published figures', async (t) => {
  const post = await poster(t)
  const inputs = [
    [5, 300, 1000],
    [5, 720, 1000],
    [10, 1800, 2000],
  ] as const
  const sections = inputs.map(([lengthKm, travelTimeSeconds, measuredFlowVehH], index) => ({
    id: `s${index}`,
    lengthKm,
    travelTimeSeconds,
    measuredFlowVehH,
    lanes: 4,
    freeFlowKmh: 90,
    limitKmh: 90,
  }))
  const prices = { currency: 'ILS', valueOfTimePerVehH: 62.5, fuelPerLitre: 7.5 }
  const response = await post({ sections, model: 'ayalon-1.0-freeze', prices })
  const { rates, model } = impactSchema.parse(response.json())
  t.equal(rates?.delay.central, 950)
  t.equal(rates?.excessFuel.central, 1140)
  t.equal(rates?.fuelCost.central, 8550)
  t.equal(rates?.excessCo2.central, 2633.4)
  t.ok(model.knownDefects.length > 0)
})

t.test('choices that the frozen model does not use are told', async (t) => {
  const post = await poster(t)
  const choice = { reference: 60, fleet: { bus: 1 }, capacityVehHLane: 1000 }
  const ask = async (model: string) =>
    impactSchema.parse((await post({ sections: [jam], model, ...choice })).json())
  const frozen = await ask('ayalon-1.0-freeze')
  t.match(frozen.quality.warnings, [
    { reason: 'choiceNotUsed', detail: /: reference, fleet, capacityVehHLane\.$/ },
  ])
  t.strictSame(frozen.model.reference, { kind: 'custom', kmh: 90 })
  t.strictSame((await ask('physical')).quality.warnings, [])
})

t.test('the caller can choose capacity, reference, curve, fleet and prices', async (t) => {
  const post = await poster(t)
  const ask = async (choice: object) =>
    impactSchema.parse((await post({ sections: [jam], ...choice })).json())
  t.equal((await ask({ capacityVehHLane: 1500 })).rates?.delay.central.toFixed(3), '997.517')
  t.equal((await ask({ capacityVehHLane: 2200 })).rates?.delay.central.toFixed(3), '1463.025')
  t.equal((await ask({ reference: 'phed' })).sections[0]?.referenceKmh, 54)
  t.equal((await ask({ reference: 60 })).sections[0]?.referenceKmh, 60)
  t.equal((await ask({ emissionCurve: 'barth-2008' })).model.emissionCurve, 'barth-2008')
  const petrol = await ask({ fleet: { petrolCar: 1 } })
  t.match(petrol.model.parameters, { fleet: { petrolCar: 1, bus: 0 } })
  const euro = await ask({ prices: { currency: 'EUR', valueOfTimePerVehH: 20, fuelPerLitre: 2 } })
  t.equal(euro.rates?.timeCost.unit, 'EUR/h')
  t.equal(euro.rates?.timeCost.central.toFixed(1), (1263.521223 * 20).toFixed(1))
})

t.test('where the flow is not known there is no rate, and the answer says so', async (t) => {
  const post = await poster(t)
  const { profileVehH, ...free } = { ...jam, id: 'free', speedKmh: 80, lengthKm: 15 }
  const both = impactSchema.parse((await post({ sections: [jam, free] })).json())
  t.match(both.sections[1], { status: 'insufficientCoverage', flow: null, rates: null })
  t.equal(both.sections[1]?.delaySecondsPerVehicle, 75, 'what needs no flow is there')
  t.equal(both.coverage, 0.25)
  t.equal(both.rates?.delay.central.toFixed(3), '1263.521')
  t.match(both.quality.warnings, [{ reason: 'flowUnknown' }])
  const none = impactSchema.parse((await post({ sections: [free] })).json())
  t.match(none, { coverage: 0, rates: null })
})

t.test('every wrong input is a 400 that names it', async (t) => {
  const post = await poster(t)
  const { speedKmh, ...untimed } = jam
  const cases: [object, string][] = [
    [{}, '/sections'],
    [{ sections: [] }, '/sections'],
    [{ sections: {} }, '/sections'],
    [{ sections: [jam], extra: 1 }, '/extra'],
    [{ sections: [{ ...jam, extra: 1, 'a/b~c': 2 }] }, '/sections/0/a~1b~0c'],
    [{ sections: [{ ...jam, speedKmh: -1 }] }, '/sections/0/speedKmh'],
    [{ sections: [{ ...jam, speedKmh: 0 }] }, '/sections/0/speedKmh'],
    [{ sections: [{ ...jam, speedKmh: 500 }] }, '/sections/0/speedKmh'],
    [{ sections: [{ ...jam, speedKmh: '14' }] }, '/sections/0/speedKmh'],
    [{ sections: [{ ...jam, speedKmh: null }] }, '/sections/0/speedKmh'],
    [{ sections: [untimed] }, '/sections/0/speedKmh'],
    [{ sections: [{ ...jam, travelTimeSeconds: 60 }] }, '/sections/0/speedKmh'],
    [{ sections: [{ ...untimed, travelTimeSeconds: 1 }] }, '/sections/0/travelTimeSeconds'],
    [{ sections: [{ ...jam, lengthKm: 0 }] }, '/sections/0/lengthKm'],
    [{ sections: [{ ...jam, lengthKm: 1e6 }] }, '/sections/0/lengthKm'],
    [{ sections: [{ ...jam, lanes: 0 }] }, '/sections/0/lanes'],
    [{ sections: [{ ...jam, lanes: 99 }] }, '/sections/0/lanes'],
    [{ sections: [{ ...jam, freeFlowKmh: 0 }] }, '/sections/0/freeFlowKmh'],
    [{ sections: [{ ...jam, freeFlowKmh: 1e-310 }] }, '/sections/0/freeFlowKmh'],
    [{ sections: [{ ...jam, speedKmh: 1e-310 }] }, '/sections/0/speedKmh'],
    [
      { sections: [{ ...untimed, lengthKm: 1e-300, travelTimeSeconds: 9 }] },
      '/sections/0/lengthKm',
    ],
    [{ sections: [{ ...jam, limitKmh: 1 }] }, '/sections/0/limitKmh'],
    [{ sections: [{ ...jam, profileVehH: -1 }] }, '/sections/0/profileVehH'],
    [{ sections: [jam, jam] }, '/sections/1/id'],
    [{ sections: [jam], reference: 'slow' }, '/reference'],
    [{ sections: [jam], reference: 1000 }, '/reference'],
    [{ sections: [jam], model: 'x' }, '/model'],
    [{ sections: [jam], emissionCurve: 'x' }, '/emissionCurve'],
    [{ sections: [jam], fleet: { petrolCar: 0.5 } }, '/fleet'],
    [{ sections: [jam], fleet: { tank: 1 } }, '/fleet'],
    [{ sections: [jam], capacityVehHLane: 0 }, '/capacityVehHLane'],
    [{ sections: [jam], prices: { currency: 'ILS' } }, '/prices/valueOfTimePerVehH'],
  ]
  for (const [payload, pointer] of cases) {
    const problem = (await post(payload)).json()
    t.match(problem, { status: 400, code: 'invalid_input' }, JSON.stringify(payload))
    const pointers = problem.errors.map((error: { pointer: string }) => error.pointer)
    t.ok(pointers.includes(pointer), `${pointer} is among ${pointers}`)
  }
})

t.test('several faults are named together, up to a hundred', async (t) => {
  const post = await poster(t)
  const two = (await post({ sections: [{ ...jam, lanes: 0, lengthKm: -1 }] })).json()
  t.equal(two.errors.length, 2)
  t.match(two.detail, /2 inputs are wrong/)
  const sections = Array.from({ length: 101 }, (_, index) => ({ ...jam, id: `${index}`, lanes: 0 }))
  const many = (await post({ sections })).json()
  t.equal(many.errors.length, 100)
  t.match(many.detail, /101 inputs are wrong; the first 100 are named/)
})

t.test('a thousand sections are computed, one more is refused', async (t) => {
  const post = await poster(t)
  const sections = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ ...jam, id: `s${index}` }))
  const full = impactSchema.parse((await post({ sections: sections(1000) })).json())
  t.equal(full.rates?.delay.central.toFixed(0), '1263521')
  t.match((await post({ sections: sections(1001) })).json(), {
    status: 400,
    errors: [{ pointer: '/sections' }],
  })
})

t.test('a body that is no JSON object is refused by what it is', async (t) => {
  const post = await poster(t)
  const cases: [string, Record<string, string>, number, string][] = [
    ['{"sections":[', {}, 400, 'invalid_input'],
    ['', {}, 400, 'invalid_input'],
    ['NaN', {}, 400, 'invalid_input'],
    ['{"sections":[{"lengthKm":NaN}]}', {}, 400, 'invalid_input'],
    ['{"sections":[{"lengthKm":1e999}]}', {}, 400, 'invalid_input'],
    ['{"__proto__":{"a":1}}', {}, 400, 'invalid_input'],
    ['[]', {}, 400, 'invalid_input'],
    ['null', {}, 400, 'invalid_input'],
    ['{}', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    [`{"a":"${'x'.repeat(1024 * 1024)}"}`, {}, 413, 'payload_too_large'],
    ['{}', { accept: 'text/html' }, 406, 'not_acceptable'],
    ['{}', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
  ]
  for (const [payload, headers, status, code] of cases) {
    const response = await post(payload, headers)
    t.match(response.json(), { status, code }, payload.slice(0, 40))
    t.match(response.headers['content-type'], /^application\/problem\+json/)
  }
})

t.test('an unknown query key is refused here too', async (t) => {
  const { server } = await buildApp(t)
  const payload = { sections: [jam] }
  const response = await server.inject({ method: 'POST', url: '/v1/impact?dry=1', payload })
  t.equal(response.statusCode, 400)
})
