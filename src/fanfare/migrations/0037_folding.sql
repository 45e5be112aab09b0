-- One text folded in one way: no case, no accents, the same in every locale. docs/decisions/0026-folding.md
-- kernel/folding.py says the same in Python. PostgreSQL's lower() asks the database's locale, and so says another thing
-- on another server; what stands here are constants and NFKD, which does not change for letters that exist.

-- `translate` looks through the list from its start, so the commonest letters stand first, as themselves.
create function fold_letters(written text) returns text
    language sql immutable strict parallel safe
    return normalize(
        replace(replace(replace(replace(translate(lower(regexp_replace(normalize(written, nfkd) collate "C",
        '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670'
        '\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]', '', 'g')),
        'eaionrtslmdcuhpgbkyvfzjwxq @.-_0123456789αβγδεζηθικλμνξοπρστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюяͰͲͶ'
        'ͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЄЅІЈЉЊЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀ'
        'ҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒ'
        'ՓՔՕՖÐØðøĐđĦħıŁłŊŦŧƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻ'
        'ႼႽႾႿჀჁჂჃჄჅჇჍᏸᏹᏺᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿỺỼỾℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕ'
        'ⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊ'
        'ꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳ'
        'ꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟐꟖꟘꟵꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿ𐐀𐐁𐐂'
        '𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌'
        '𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈'
        '𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡ẞÆŒÞ',
        'eaionrtslmdcuhpgbkyvfzjwxq @.-_0123456789αβγδεζηθικλμνξοπρστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюяͱͳͷ'
        'ϳαβγδεζηθικλμνξοπρστυφχψωσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђєѕіјљњћџабвгдежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁ'
        'ҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւ'
        'փքօֆdododdhhillŋttɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛ'
        'ⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭᏰᏱᏲᏳᏴᏵвдосттъѣꙋაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿỻỽỿⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅ'
        'ⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋ'
        'ꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓ'
        'ꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊꟑꟗꟙꟶᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯ𐐨𐐩𐐪'
        '𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳'
        '𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨'
        '𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃ßæœþ'
        ), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), nfc);

-- Not strict: only so is it put in place, and a plain text takes a third of the time.
create or replace function fold_text(written text) returns text
    language sql immutable parallel safe
    return case when octet_length(written) = length(written) then lower(written collate "C")
        else fold_letters(written) end;

-- The indexes that knew the old forms go first.
drop index businesses_by_name, tags_by_name, campaigns_by_custom_title, idols_by_name, idols_by_name_part,
    idol_labels_by_name, points_by_name, ticket_events_by_day, ticket_events_by_name, ticket_events_by_venue,
    ticket_events_by_artist, tickets_by_price_code, registrations_by_event, pass_sections_by_name, filters_by_name,
    snapshots_by_name, products_by_name, fans_by_display_name, fans_by_postal_code, fans_by_province;
drop statistics fans_metro_areas, fans_sources;

-- Of names that become one, the oldest keeps it, the others get their number behind them: two things stay two.
update businesses t set business_name = t.business_name || ' (' || t.business_id::text || ')'
from (
    select account_id, business_id,
           row_number() over (partition by account_id, fold_text(business_name) order by created_at, business_id) as n
    from businesses
) d
where d.account_id = t.account_id and d.business_id = t.business_id and d.n > 1;
update tags t set tag_name = t.tag_name || ' (' || t.tag_id::text || ')'
from (
    select account_id, tag_id,
           row_number() over (partition by account_id, fold_text(tag_name) order by created_at, tag_id) as n
    from tags
) d
where d.account_id = t.account_id and d.tag_id = t.tag_id and d.n > 1;
update campaigns t set title = t.title || ' (' || t.page_tab_id::text || ')'
from (
    select account_id, page_tab_id,
           row_number() over (partition by account_id, fold_text(title) order by created_at, page_tab_id) as n
    from campaigns where app_type = 'custom'
) d
where d.account_id = t.account_id and d.page_tab_id = t.page_tab_id and d.n > 1;
update idols t set idol_name = t.idol_name || ' (' || left(t.idol_uid::text, 8) || ')'
from (
    select account_id, idol_uid,
           row_number() over (partition by account_id, fold_text(idol_name) order by created_at, idol_uid) as n
    from idols
) d
where d.account_id = t.account_id and d.idol_uid = t.idol_uid and d.n > 1;
update points t set point_name = t.point_name || ' (' || left(t.point_uid::text, 8) || ')'
from (
    select account_id, point_uid,
           row_number() over (partition by account_id, fold_text(point_name) order by created_at, point_uid) as n
    from points
) d
where d.account_id = t.account_id and d.point_uid = t.point_uid and d.n > 1;
update ticket_events t set event_name = t.event_name || ' (' || left(t.event_uid::text, 8) || ')'
from (
    select account_id, event_uid,
           row_number() over (partition by account_id, event_date, fold_text(event_name)
                              order by created_at, event_uid) as n
    from ticket_events where event_key is null
) d
where d.account_id = t.account_id and d.event_uid = t.event_uid and d.n > 1;
update pass_sections t set section_name = t.section_name || ' (' || left(t.section_uid::text, 8) || ')'
from (
    select account_id, section_uid,
           row_number() over (partition by account_id, page_tab_id, fold_text(section_name)
                              order by created_at, section_uid) as n
    from pass_sections
) d
where d.account_id = t.account_id and d.section_uid = t.section_uid and d.n > 1;
update filters t set filter_name = t.filter_name || ' (' || t.filter_id::text || ')'
from (
    select account_id, filter_id,
           row_number() over (partition by account_id, fold_text(filter_name) order by created_at, filter_id) as n
    from filters
) d
where d.account_id = t.account_id and d.filter_id = t.filter_id and d.n > 1;
update snapshots t set snapshot_name = t.snapshot_name || ' (' || left(t.snapshot_uid::text, 8) || ')'
from (
    select account_id, snapshot_uid,
           row_number() over (partition by account_id, fold_text(snapshot_name) order by created_at, snapshot_uid) as n
    from snapshots
) d
where d.account_id = t.account_id and d.snapshot_uid = t.snapshot_uid and d.n > 1;
update fans t set display_name = t.display_name || '_' || t.fan_id::text
from (
    select account_id, fan_id,
           row_number() over (partition by account_id, fold_text(display_name) order by created_at, fan_id) as n
    from fans where display_name is not null
) d
where d.account_id = t.account_id and d.fan_id = t.fan_id and d.n > 1;

-- Networks are stored folded. Of rows that become one identity the oldest stays, and other fans share it.
insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
select account_id, fold_text(network), identifier_value, fan_id, created_at
from shared_identifiers where network <> fold_text(network)
on conflict do nothing;
delete from shared_identifiers where network <> fold_text(network);
create temporary table identities on commit drop as
select account_id, network, identifier_value, fan_id, created_at,
       first_value(fan_id) over same as first_fan_id, row_number() over same as n
from fan_identifiers where network not in ('email', 'phone')
window same as (partition by account_id, fold_text(network), identifier_value order by created_at, fan_id, network);
insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
select account_id, fold_text(network), identifier_value, fan_id, created_at
from identities where n > 1 and fan_id <> first_fan_id
on conflict do nothing;
delete from fan_identifiers t using identities d
where d.n > 1 and d.account_id = t.account_id and d.network = t.network and d.identifier_value = t.identifier_value;
update fan_identifiers set network = fold_text(network)
where network not in ('email', 'phone') and network <> fold_text(network);

-- Of products that become one, the one that is spelled so already or the first stays reachable by the folded name.
update products t set network = fold_text(t.network)
from (
    select account_id, network, product_key,
           row_number() over (partition by account_id, fold_text(network), product_key
                              order by network <> fold_text(network), network) as n
    from products
) d
where d.n = 1 and d.account_id = t.account_id and d.network = t.network and d.product_key = t.product_key
  and t.network <> fold_text(t.network);

-- Written anew, and with it its index on trigrams.
alter table fans drop column search_text;
alter table fans add column search_text text generated always as (
    fold_text(coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(email, ''))
) stored;
create index fans_by_text on fans using gin (account_id, search_text gin_trgm_ops);
create unique index fans_by_display_name on fans (account_id, fold_text(display_name)) where display_name is not null;
-- Stored in capitals.
create index fans_by_postal_code on fans (account_id, replace(postal_code, ' ', ''));
create index fans_by_province on fans (account_id, fold_text(province), fan_id)
    include (province, is_subscribed, is_phone_subscribed, is_optout, gender, birth_date, rating);
create statistics fans_metro_areas on fold_text(metro_area) from fans;
create statistics fans_sources on fold_text(fan_source) from fans;

create unique index businesses_by_name on businesses (account_id, fold_text(business_name));
create unique index tags_by_name on tags (account_id, fold_text(tag_name));
create unique index campaigns_by_custom_title on campaigns (account_id, fold_text(title)) where app_type = 'custom';
create unique index idols_by_name on idols (account_id, fold_text(idol_name));
create index idols_by_name_part on idols using gin (account_id, fold_text(idol_name) gin_trgm_ops);
create index idol_labels_by_name on idol_labels (account_id, fold_text(label_name));
create unique index points_by_name on points (account_id, fold_text(point_name));
create unique index ticket_events_by_day on ticket_events (account_id, event_date, fold_text(event_name))
    where event_key is null;
create index ticket_events_by_name on ticket_events (account_id, fold_text(event_name), event_date);
create index ticket_events_by_venue on ticket_events (account_id, fold_text(venue_name));
create index ticket_events_by_artist on ticket_events (account_id, fold_text(artist_name));
create index tickets_by_price_code on tickets (account_id, fold_text(price_code), fan_id) include (is_deleted)
    where price_code is not null;
create index registrations_by_event on registrations (account_id, event_date, fold_text(event_name));
create unique index pass_sections_by_name on pass_sections (account_id, page_tab_id, fold_text(section_name));
create unique index filters_by_name on filters (account_id, fold_text(filter_name));
create unique index snapshots_by_name on snapshots (account_id, fold_text(snapshot_name));
create index products_by_name on products using gin (account_id, fold_text(product_name) gin_trgm_ops);
