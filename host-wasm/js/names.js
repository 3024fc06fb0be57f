// The engine's commands, for those who ask which there are.

export const NAMES = (
  'append auth bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop brpop brpoplpush ' +
  'bzmpop bzpopmax bzpopmin client command config copy dbsize debug decr decrby del dump echo exists expire expireat ' +
  'expiretime flushall flushdb get getbit getdel getex getrange getset hdel hexists hget hgetall hincrby hincrbyfloat ' +
  'hkeys hlen hmget hmset hrandfield hscan hset hsetnx hstrlen hvals incr incrby incrbyfloat info keys lastsave ' +
  'latency lcs lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim memory mget move mset ' +
  'msetnx object persist pexpire pexpireat pexpiretime ping psetex pttl pubsub publish randomkey rename renamenx ' +
  'restore rpop rpoplpush rpush rpushx sadd save scan scard sdiff sdiffstore set setbit setex setnx setrange sinter ' +
  'sintercard sinterstore sismember slowlog smembers smismember smove sort sort_ro spop spublish srandmember srem ' +
  'sscan strlen substr sunion sunionstore swapdb time touch ttl type unlink wait zadd zcard zcount zdiff zdiffstore ' +
  'zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex ' +
  'zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex ' +
  'zrevrangebyscore zrevrank zscan zscore zunion zunionstore'
).split(' ');
