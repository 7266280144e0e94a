-- What makes nginx an S3 endpoint: listings, checksums, parts, and the time that a store takes to answer.

local endpoint = {}

local bucket = "/models"
local objects, keys = {}, {}

local function entry(object, etag)
  return "<Contents><Key>" .. object.key .. "</Key><LastModified>" .. object.modified .. "</LastModified><ETag>&quot;"
    .. etag .. "&quot;</ETag><Size>" .. object.size .. "</Size><StorageClass>STANDARD</StorageClass></Contents>"
end

-- Of each object its key, size, time, ETags and checksum, in one line each, sorted by the bytes of the keys.
function endpoint.load(path)
  for line in io.lines(path) do
    local fields = {}
    for field in line:gmatch("[^\t]+") do fields[#fields + 1] = field end
    local key, size, modified, plain, md5, multipart, crc = unpack(fields)
    local object = { key = key, size = tonumber(size), modified = modified, crc = crc, etags = { md5 = md5, multipart = multipart } }
    object.entries = { crc = entry(object, plain), md5 = entry(object, md5), multipart = entry(object, multipart) }
    keys[#keys + 1] = key
    objects[key] = object
  end
  return endpoint
end

local function starts(text, beginning) return text:sub(1, #beginning) == beginning end

local function refuse(status, code, message)
  ngx.status = status
  ngx.header["Content-Type"] = "application/xml"
  local body = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>' .. code .. "</Code><Message>" .. message .. "</Message></Error>"
  ngx.header["Content-Length"] = #body
  if ngx.req.get_method() ~= "HEAD" then ngx.print(body) end
  return ngx.exit(status)
end

local function requested() return objects[ngx.var.uri:sub(#bucket + 2)] end

-- Before an object is served. What its ETag shall be, nginx knows only where it is nginx's own: else If-Match is for us.
function endpoint.before(offer, delay)
  if delay then ngx.sleep(delay) end
  local object = requested()
  if not object then return refuse(404, "NoSuchKey", "The specified key does not exist.") end
  local etag = object.etags[offer]
  if etag then
    local match = ngx.var.http_if_match
    if match and match ~= "*" and match:gsub('"', "") ~= etag then
      return refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    end
    ngx.req.clear_header("If-Match")
  end
  local part = tonumber(ngx.var.arg_partNumber)
  if part then
    local size = offer == "multipart" and 8 * 1048576 or object.size
    local first = (part - 1) * size
    if first >= object.size then return refuse(416, "InvalidPartNumber", "The requested partnumber is not satisfiable") end
    ngx.req.set_header("Range", string.format("bytes=%d-%d", first, math.min(first + size, object.size) - 1))
  end
end

-- The headers of an object's answer; a checksum of the whole only where the whole is asked for, as S3 does.
function endpoint.headers(offer)
  local object = requested()
  if not object or ngx.status >= 300 then return end
  if object.etags[offer] then
    ngx.header["ETag"] = '"' .. object.etags[offer] .. '"'
    if offer == "multipart" and ngx.var.arg_partNumber then
      ngx.header["x-amz-mp-parts-count"] = object.etags[offer]:match("-(%d+)$")
    end
  elseif ngx.status == 200 and ngx.var.http_x_amz_checksum_mode then
    ngx.header["x-amz-checksum-crc64nvme"] = object.crc
    ngx.header["x-amz-checksum-type"] = "FULL_OBJECT"
  end
end

-- ListObjects, versions 1 and 2. A token is the last key or common prefix that was given.
function endpoint.list(offer, delay)
  if delay then ngx.sleep(delay) end
  local query = ngx.req.get_uri_args()
  local function asked(name) return type(query[name]) == "string" and query[name] or "" end
  ngx.header["Content-Type"] = "application/xml"
  if query.location then
    ngx.print('<?xml version="1.0" encoding="UTF-8"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
    return
  end
  local prefix, delimiter = asked("prefix"), asked("delimiter")
  local after = asked("continuation-token")
  if after == "" then after = asked("start-after") end
  if after == "" then after = asked("marker") end
  local limit = math.min(tonumber(asked("max-keys")) or 1000, 1000)
  local found, count, common, last, more = {}, 0, nil, nil, false
  for _, key in ipairs(keys) do
    local isGiven = key <= after or delimiter ~= "" and after:sub(-#delimiter) == delimiter and starts(key, after)
    if starts(key, prefix) and not isGiven and not (common and starts(key, common)) then
      if count == limit then more = true break end
      local stop = delimiter ~= "" and select(2, key:find(delimiter, #prefix + 1, true))
      common = stop and key:sub(1, stop)
      found[#found + 1] = common and "<CommonPrefixes><Prefix>" .. common .. "</Prefix></CommonPrefixes>" or objects[key].entries[offer]
      last, count = common or key, count + 1
    end
  end
  local isSecond = asked("list-type") == "2"
  local next = ""
  if more then
    local name = isSecond and "NextContinuationToken" or "NextMarker"
    next = "<" .. name .. ">" .. last .. "</" .. name .. ">"
  end
  local body = table.concat({
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>models</Name><Prefix>',
    prefix, "</Prefix>", delimiter ~= "" and "<Delimiter>" .. delimiter .. "</Delimiter>" or "",
    asked("encoding-type") ~= "" and "<EncodingType>url</EncodingType>" or "", "<MaxKeys>", limit, "</MaxKeys>",
    isSecond and "<KeyCount>" .. count .. "</KeyCount>" or "", "<IsTruncated>", tostring(more), "</IsTruncated>", next,
    table.concat(found), "</ListBucketResult>",
  })
  ngx.header["Content-Length"] = #body
  if ngx.req.get_method() ~= "HEAD" then ngx.print(body) end
end

return endpoint
