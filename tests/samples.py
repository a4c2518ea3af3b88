"""One literal message of each type, as exchanges and publishers put them on the bus."""

# ruff: noqa: E501 - the lines are what arrives, byte for byte

from typing import Final

SPOT_TRADE: Final = b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":12345,"p":"16569.01000000","q":"0.00510000","T":1672515782136,"m":true,"M":true},"_otel_trace_headers":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}'
FUTURES_TRADE: Final = b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1672515782140,"T":1672515782136,"s":"BTCUSDT","t":3112345678,"p":"16570.10","q":"0.012","X":"MARKET","m":false}}'
AGG_TRADE: Final = b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1672515782136,"s":"BTCUSDT","a":5933014,"p":"16570.10","q":"0.150","nq":"0.150","f":100,"l":105,"T":1672515782130,"m":true}}'
KLINE: Final = b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1638747660012,"s":"BTCUSDT","k":{"t":1638747600000,"T":1638747659999,"s":"BTCUSDT","i":"1m","f":100,"L":200,"o":"49000.10","c":"49010.00","h":"49020.00","l":"48990.00","v":"100.123","n":100,"x":true,"q":"4906123.12","V":"50.100","Q":"2455011.10","B":"0"}}}'
CONTINUOUS_KLINE: Final = b'{"stream":"btcusdt_perpetual@continuousKline_1m","data":{"e":"continuous_kline","E":1607443058651,"ps":"BTCUSDT","ct":"PERPETUAL","k":{"t":1607443020000,"T":1607443079999,"i":"1m","f":116467658886,"L":116468012423,"o":"18787.00","c":"18804.04","h":"18804.04","l":"18786.54","v":"197.664","n":543,"x":false,"q":"3715253.19494","V":"184.769","Q":"3472925.84746","B":"0"}}}'
FUTURES_DEPTH: Final = b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","U":390497796,"u":390497878,"pu":390497794,"b":[["7403.89","0.002"]],"a":[["7405.96","3.340"],["7406.10","0"]]}}'
SPOT_DEPTH: Final = b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"BTCUSDT","U":157,"u":160,"b":[["16569.00","1.2"]],"a":[["16570.00","0"]]}}'
FUTURES_PARTIAL_DEPTH: Final = b'{"stream":"btcusdt@depth20@100ms","data":{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","U":390497796,"u":390497878,"pu":390497794,"b":[["7403.89","0.002"],["7403.90","3.906"]],"a":[["7405.96","3.340"]]}}'
SPOT_PARTIAL_DEPTH: Final = b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":160,"bids":[["16569.00","10"]],"asks":[["16570.00","100"]]},"timestamp":"2025-10-21T11:52:26.123456"}'
SPOT_BOOK_TICKER: Final = b'{"stream":"bnbusdt@bookTicker","data":{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}'
FUTURES_BOOK_TICKER: Final = b'{"stream":"bnbusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}'
TICKER: Final = b'{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"120.10","P":"0.730","w":"16512.33","x":"16448.90","c":"16569.01","Q":"0.0102","b":"16569.00","B":"1.2","a":"16569.01","A":"0.8","o":"16448.91","h":"16620.00","l":"16400.00","v":"182345.1","q":"3010000000.12","O":1672429382136,"C":1672515782136,"F":2401000000,"L":2402000000,"n":1000001}}'
MINI_TICKER: Final = b'{"stream":"btcusdt@miniTicker","data":{"e":"24hrMiniTicker","E":1672515782136,"s":"BTCUSDT","c":"16569.01","o":"16448.91","h":"16620.00","l":"16400.00","v":"182345.1","q":"3010000000.12"}}'
MARK_PRICE: Final = b'{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091","P":"11784.25641265","r":"0.00038167","T":1562306400000}}'
MARK_PRICES: Final = b'{"stream":"!markPrice@arr@1s","data":[{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15","i":"11784.62","P":"11784.25","r":"0.00038167","T":1562306400000}]}'
FORCE_ORDER: Final = b'{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"9910","ap":"9910","X":"FILLED","l":"0.014","z":"0.014","T":1568014460893}}}'
CONTROL: Final = b'{"result":null,"id":1}'

MARKET_DATA: Final = (
    SPOT_TRADE,
    FUTURES_TRADE,
    AGG_TRADE,
    KLINE,
    CONTINUOUS_KLINE,
    FUTURES_DEPTH,
    SPOT_DEPTH,
    FUTURES_PARTIAL_DEPTH,
    SPOT_PARTIAL_DEPTH,
    SPOT_BOOK_TICKER,
    FUTURES_BOOK_TICKER,
    TICKER,
    MINI_TICKER,
    MARK_PRICE,
    MARK_PRICES,
    FORCE_ORDER,
)
