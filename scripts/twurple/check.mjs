// Judges the simulated Twitch of `go run ./scripts/twurple` with Twurple:
//
//   node check.mjs PORT
//
// Every step prints a line; the first that fails ends the process with 1.
import assert from 'node:assert/strict';
import { once } from 'node:events';

const port = process.argv[2];
assert.match(port ?? '', /^\d+$/, 'usage: node check.mjs PORT');
// Twurple reads it whenever it makes a request.
process.env.TWURPLE_MOCK_API_PORT = port;

const { ApiClient } = await import('@twurple/api');
const { AppTokenAuthProvider, StaticAuthProvider, getTokenInfo } = await import('@twurple/auth');
const { EventSubHttpListener, ReverseProxyAdapter } = await import('@twurple/eventsub-http');

const patience = 10_000;
// Nobody waits for ever, whatever fails to arrive.
setTimeout(() => {
  console.error('FAIL  took longer than 45 s');
  process.exit(1);
}, 45_000).unref();

async function step(name, check) {
  try {
    await check();
  } catch (error) {
    console.error(`FAIL  ${name}`);
    console.error(error);
    process.exit(1);
  }
  console.log(`ok    ${name}`);
}

async function script(path, method = 'POST') {
  const response = await fetch(`http://127.0.0.1:${port}/script/${path}`, { method, signal: AbortSignal.timeout(patience) });
  assert.equal(response.status, 200, await response.clone().text());
  return await response.json();
}

const facts = await script('facts', 'GET');
const logger = { minLevel: 'critical' };
const app = new AppTokenAuthProvider(facts.clientId, facts.clientSecret);
const api = new ApiClient({ authProvider: app, logger });
const asBroadcaster = new ApiClient({ authProvider: new StaticAuthProvider(facts.clientId, facts.broadcasterToken), logger });
const asBot = new ApiClient({ authProvider: new StaticAuthProvider(facts.clientId, facts.botToken), logger });

const numbers = (from, count) => Array.from({ length: count }, (_, i) => String(from + i));

// Helix and id.twitch.tv.

await step('streams', async () => {
  const streams = await api.streams.getStreamsByUserIds(['1337', '99']);
  assert.equal(streams.length, 1);
  const [s] = streams;
  assert.deepEqual(
    [s.id, s.userId, s.userName, s.userDisplayName, s.type, s.title, s.gameId, s.gameName, s.viewers, s.language, s.isMature, s.tags],
    [facts.streamId, '1337', 'examplechan', 'ExampleChan', 'live', 'First light', '509670', 'Science & Technology', 1200, 'en', false, []],
  );
  assert.ok(Math.abs(Date.now() - s.startDate.getTime()) < 60_000, `started ${s.startDate}`);
});

await step('all streams, over pages', async () => {
  const all = await api.streams.getStreamsPaginated().getAll();
  assert.equal(all.length, 121);
  assert.equal(new Set(all.map(s => s.userId)).size, 121);
  assert.equal(all[0].userId, '1337');
});

await step('users by id and by login', async () => {
  const byId = await api.users.getUsersByIds(['1337', '404', '99']);
  assert.deepEqual(byId.map(u => [u.id, u.name, u.displayName]), [['1337', 'examplechan', 'ExampleChan'], ['99', 'examplebot', 'ExampleBot']]);
  assert.equal((await api.users.getUserByName('EXAMPLECHAN'))?.id, '1337');
  assert.equal(await api.users.getUserByName('nobody'), null);
});

await step('more than 100 users are refused', async () => {
  await assert.rejects(api.users.getUsersByIds(numbers(5000, 101)), error => error.statusCode === 400);
});

await step('channel', async () => {
  const channel = await api.channels.getChannelInfoById('1337');
  assert.deepEqual([channel?.id, channel?.title, channel?.gameName, channel?.language], ['1337', 'First light', 'Science & Technology', 'en']);
});

await step('moderators', async () => {
  const { data } = await asBroadcaster.moderation.getModerators('1337');
  assert.deepEqual(data.map(m => [m.userId, m.userName, m.userDisplayName]), [['99', 'examplebot', 'ExampleBot']]);
  assert.equal(await asBroadcaster.moderation.checkUserMod('1337', '5000'), false);
});

await step('VIPs, over pages', async () => {
  const vips = await asBroadcaster.channels.getVipsPaginated('1337').getAll();
  assert.deepEqual(vips.map(v => v.id), numbers(5000, 150));
  assert.equal(await asBroadcaster.channels.checkVipForUser('1337', '99'), false);
});

await step('moderated channels', async () => {
  const { data } = await asBot.moderation.getModeratedChannels('99');
  assert.deepEqual(data.map(c => [c.id, c.name, c.displayName]), [['1337', 'examplechan', 'ExampleChan']]);
});

await step('another channel\'s moderators are refused', async () => {
  await assert.rejects(asBot.callApi({ url: 'moderation/moderators', query: { broadcaster_id: '1337' } }), error => error.statusCode === 401);
});

await step('tokens', async () => {
  const info = await getTokenInfo(facts.broadcasterToken, facts.clientId);
  assert.deepEqual([info.clientId, info.userId, info.userName, info.scopes.toSorted()],
    [facts.clientId, '1337', 'examplechan', ['channel:read:vips', 'moderation:read']]);
  await assert.rejects(getTokenInfo('x'.repeat(30), facts.clientId), { name: 'InvalidTokenError' });
});

await step('subscriptions: create, list, delete', async () => {
  const transport = { method: 'webhook', callback: 'https://elsewhere.invalid/hook', secret: 'secret-of-nobody' };
  const made = await api.eventSub.createSubscription('stream.online', '1', { broadcaster_user_id: '1337' }, transport);
  assert.deepEqual([made.type, made.status, made.condition, made.cost], ['stream.online', 'webhook_callback_verification_pending', { broadcaster_user_id: '1337' }, 0]);
  const again = api.eventSub.createSubscription('stream.online', '1', { broadcaster_user_id: '1337' }, transport);
  await assert.rejects(again, error => error.statusCode === 409);
  await api.eventSub.createSubscription('stream.online', '1', { broadcaster_user_id: '5000' }, transport);
  const all = await api.eventSub.getSubscriptions();
  assert.deepEqual([all.total, all.totalCost, all.maxTotalCost, all.data[0].id], [2, 1, 10000, made.id]);
  for (const { id } of all.data) {
    await api.eventSub.deleteSubscription(id);
  }
  assert.equal((await api.eventSub.getSubscriptions()).total, 0);
  await assert.rejects(api.eventSub.deleteSubscription(made.id), error => error.statusCode === 404);
});

// EventSub: the listener creates its own subscriptions with the simulated Twitch
// and judges what it is sent.

// What arrives at the listener, and who waits for more of it.
const arrived = [];
let waiting = () => {};
function arrive(...what) {
  arrived.push(what);
  waiting();
}

/** Takes the next n arrivals; the listener handles some after it has answered. */
async function take(n) {
  const deadline = Date.now() + patience;
  while (arrived.length < n) {
    const left = deadline - Date.now();
    assert.ok(left > 0, `${n} arrivals awaited, got ${JSON.stringify(arrived)}`);
    await new Promise(resolve => {
      const timer = setTimeout(resolve, left);
      waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  return arrived.splice(0).sort((a, b) => String(a).localeCompare(String(b)));
}

/** Listens on the loopback interface only, on a port that is free. */
class LoopbackAdapter extends ReverseProxyAdapter {
  createHttpServer() {
    this.server = super.createHttpServer();
    const listen = this.server.listen.bind(this.server);
    this.server.listen = (wanted, callback) => listen(wanted, '127.0.0.1', callback);
    return this.server;
  }
}

const adapter = new LoopbackAdapter({ hostName: facts.callbackHost, port: 0 });
const listener = new EventSubHttpListener({ apiClient: api, adapter, secret: 'secret-of-the-listener', logger });

listener.onVerify((success, subscription) => arrive('verify', success, subscription.id));
listener.onRevoke((subscription, status) => arrive('revoke', subscription.id, status));
listener.onSubscriptionCreateSuccess(subscription => arrive('created', subscription.id));
listener.onSubscriptionCreateFailure((subscription, error) => arrive('not created', subscription.id, error.message));
listener.onSubscriptionDeleteSuccess(subscription => arrive('deleted', subscription.id));
listener.onSubscriptionDeleteFailure((subscription, error) => arrive('not deleted', subscription.id, error.message));

const subscriptions = [
  listener.onStreamOnline('1337', e => arrive('online', e.broadcasterId, e.broadcasterName, e.broadcasterDisplayName, e.type, e.id !== facts.streamId, Math.abs(Date.now() - e.startDate) < 60_000)),
  listener.onStreamOffline('1337', e => arrive('offline', e.broadcasterId, e.broadcasterName)),
  listener.onChannelUpdate('1337', e => arrive('update', e.broadcasterId, e.streamTitle, e.streamLanguage, e.categoryId, e.categoryName, e.isMature)),
  listener.onChannelModeratorAdd('1337', e => arrive('moderator add', e.broadcasterId, e.userId, e.userName)),
  listener.onChannelModeratorRemove('1337', e => arrive('moderator remove', e.broadcasterId, e.userId, e.userName)),
  listener.onChannelVipAdd('1337', e => arrive('vip add', e.broadcasterId, e.userId, e.userName)),
  listener.onChannelVipRemove('1337', e => arrive('vip remove', e.broadcasterId, e.userId, e.userName)),
  listener.onUserUpdate('99', e => arrive('user update', e.userId, e.userName, e.userDisplayName)),
  listener.onUserAuthorizationGrant(e => arrive('grant', e.clientId === facts.clientId, e.userId, e.userName)),
  listener.onUserAuthorizationRevoke(e => arrive('taken back', e.clientId === facts.clientId, e.userId, e.userName)),
];
const ids = subscriptions.map(s => s.id).sort((a, b) => a.localeCompare(b));
listener.start();
await once(adapter.server, 'listening');
const { address, port: listenerPort } = adapter.server.address();

await step('the listener creates its subscriptions', async () => {
  assert.equal(address, '127.0.0.1');
  assert.deepEqual(await take(ids.length), ids.map(id => ['created', id]));
});

await step('challenges are signed and its answers enable', async () => {
  const sent = await script(`listening?port=${listenerPort}`);
  assert.deepEqual(sent.map(s => [s.messageType, s.status, s.error]), ids.map(() => ['webhook_callback_verification', 200, undefined]));
  assert.deepEqual(await take(ids.length), ids.map(id => ['verify', true, id]));
  const all = await api.eventSub.getSubscriptionsPaginated().getAll();
  assert.deepEqual([all.length, new Set(all.map(s => s.status))], [ids.length, new Set(['enabled'])]);
});

await step('notifications are signed and say what happened', async () => {
  const sent = await script('events');
  assert.deepEqual(sent.map(s => [s.messageType, s.status, s.error]), sent.map(() => ['notification', 202, undefined]));
  assert.deepEqual(await take(10), [
    ['grant', true, '5000', 'viewer5000'],
    ['moderator add', '1337', '99', 'examplebot'],
    ['moderator remove', '1337', '99', 'examplebot'],
    ['offline', '1337', 'examplechan'],
    ['online', '1337', 'examplechan', 'ExampleChan', 'live', true, true],
    ['taken back', true, '5000', 'viewer5000'],
    ['update', '1337', 'Second wind', 'en', '26936', 'Music', false],
    ['user update', '99', 'renamedbot', 'RenamedBot'],
    ['vip add', '1337', '99', 'examplebot'],
    ['vip remove', '1337', '99', 'examplebot'],
  ]);
});

await step('a wrong secret is noticed, so the judge does judge', async () => {
  const sent = await script('forge');
  assert.deepEqual(sent.map(s => [s.type, s.status]).sort(), [['stream.offline', 202], ['stream.offline', 410]]);
  assert.deepEqual(await take(1), [['offline', '1337', 'examplechan']]);
});

await step('a revocation is signed and says why', async () => {
  const [update] = (await api.eventSub.getSubscriptionsForType('channel.update')).data;
  const sent = await script(`revoke?id=${update.id}&status=user_removed`);
  assert.deepEqual(sent, [{ type: 'channel.update', messageType: 'revocation', status: 202 }]);
  assert.deepEqual(await take(1), [['revoke', subscriptions[2].id, 'user_removed']]);
  const { data } = await api.eventSub.getSubscriptionsForStatus('user_removed');
  assert.deepEqual(data.map(s => s.id), [update.id]);
});

await step('the listener deletes its subscriptions', async () => {
  listener.stop();
  const left = ids.filter(id => id !== subscriptions[2].id);
  assert.deepEqual(await take(left.length), left.map(id => ['deleted', id]));
  const all = await api.eventSub.getSubscriptionsPaginated().getAll();
  assert.deepEqual(all.map(s => [s.type, s.status]), [['channel.update', 'user_removed'], ['stream.offline', 'enabled']]);
  assert.deepEqual((await script('deliver')).filter(s => s.status !== 410), []);
});

// Twurple's rate limiter holds a timer of a minute for each request.
process.exit(0);
