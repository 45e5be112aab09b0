-- The schema as the migrations leave it. Written by `make schema`; changes belong into a new migration.

create extension btree_gin;
create extension pg_trgm;

create sequence positions as bigint;

create function fold_letters(written text) returns text
    language sql immutable strict parallel safe
RETURN NORMALIZE(replace(replace(replace(replace(translate(lower(regexp_replace((NORMALIZE(written, NFKD) COLLATE "C"), '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]'::text, ''::text, 'g'::text)), 'eaionrtslmdcuhpgbkyvfzjwxq @.-_0123456789αβγδεζηθικλμνξοπρστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюяͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЄЅІЈЉЊЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖÐØðøĐđĦħıŁłŊŦŧƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᏸᏹᏺᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿỺỼỾℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟐꟖꟘꟵꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡ẞÆŒÞ'::text, 'eaionrtslmdcuhpgbkyvfzjwxq @.-_0123456789αβγδεζηθικλμνξοπρστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюяͱͳͷϳαβγδεζηθικλμνξοπρστυφχψωσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђєѕіјљњћџабвгдежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆdododdhhillŋttɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭᏰᏱᏲᏳᏴᏵвдосттъѣꙋაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿỻỽỿⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊꟑꟗꟙꟶᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃ßæœþ'::text), 'ß'::text, 'ss'::text), 'æ'::text, 'ae'::text), 'œ'::text, 'oe'::text), 'þ'::text, 'th'::text), NFC);

create function fold_text(written text) returns text
    language sql immutable parallel safe
RETURN CASE WHEN (octet_length(written) = length(written)) THEN lower((written COLLATE "C")) ELSE fold_letters(written) END;

create function hold_position(account_id bigint) returns boolean
    language sql
as $$
    select case
        when current_setting('fanfare.held', true) is distinct from account_id::text then
            pg_advisory_xact_lock_shared(
                (account_id & 2147483647)::integer,
                (coalesce(pg_sequence_last_value('positions'), 0) & 4294967295)::bit(32)::integer) is not null
            and set_config('fanfare.held', account_id::text, true) is not null
        else true
    end
$$;

create function identity_hash(hash_key bytea, network text, identifier_value text) returns bytea
    language sql immutable parallel safe
RETURN sha256((hash_key || convert_to(((network || ':'::text) || identifier_value), 'UTF8'::name)));

create function run_again() returns boolean
    language plpgsql
as $$
begin
    raise exception 'a row changed meanwhile' using errcode = 'serialization_failure';
end
$$;

create function standing_bucket(total bigint) returns integer
    language sql immutable parallel safe
RETURN CASE WHEN (abs(total) < 2048) THEN (total)::integer ELSE ((sign((total)::double precision) * ((((length(ltrim(((abs(total))::bit(64))::text, '0'::text)) - 11) * 1024) + (abs(total) >> (length(ltrim(((abs(total))::bit(64))::text, '0'::text)) - 11))))::double precision))::integer END;

create function standing_bucket_top(bucket integer) returns bigint
    language sql immutable parallel safe
RETURN CASE WHEN (abs(bucket) < 2048) THEN (bucket)::bigint WHEN (bucket > 0) THEN (((((bucket - (((bucket >> 10) - 1) * 1024)) + 1))::bigint << ((bucket >> 10) - 1)) - 1) ELSE (- ((((- bucket) - ((((- bucket) >> 10) - 1) * 1024)))::bigint << (((- bucket) >> 10) - 1))) END;

create function whole_number(given text) returns bigint
    language sql immutable parallel safe
RETURN CASE WHEN (given ~ '^[0-9]{1,15}$'::text) THEN (given)::bigint ELSE NULL::bigint END;

create table accounts (
    account_id bigint not null generated by default as identity,
    account_name text not null,
    time_zone text not null default 'UTC'::text,
    country_code text,
    currency text not null default 'USD'::text,
    created_at timestamp with time zone not null,
    constraint accounts_pkey PRIMARY KEY (account_id),
    constraint accounts_account_name_check CHECK ((account_name <> ''::text))
);

create table activities (
    account_id bigint not null,
    activity_id bigint not null,
    fan_id bigint not null,
    page_tab_id bigint,
    ip_address text,
    user_key text,
    props jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null,
    constraint activities_pkey PRIMARY KEY (account_id, activity_id)
);
CREATE INDEX activities_by_campaign ON activities USING btree (account_id, page_tab_id, activity_id);
CREATE INDEX activities_by_fan ON activities USING btree (account_id, fan_id, created_at);
CREATE INDEX activities_by_time ON activities USING brin (created_at);

create table answered_challenges (
    account_id bigint not null,
    challenge_hash bytea not null,
    expires_at timestamp with time zone not null,
    constraint answered_challenges_pkey PRIMARY KEY (account_id, challenge_hash)
);
CREATE INDEX answered_challenges_by_end ON answered_challenges USING btree (account_id, expires_at);

create table attempts (
    account_id bigint not null,
    budget text not null,
    subject_hash bytea not null,
    used integer not null,
    ends_at timestamp with time zone not null,
    constraint attempts_pkey PRIMARY KEY (account_id, budget, subject_hash),
    constraint attempts_used_check CHECK ((used >= 0))
);
CREATE INDEX attempts_by_end ON attempts USING btree (account_id, ends_at);

create table audit_entries (
    account_id bigint not null,
    entry_number bigint not null,
    occurred_at timestamp with time zone not null,
    actor_kind text not null,
    actor_key text not null,
    actor_name text not null,
    ip_address text,
    action_name text not null,
    inputs jsonb not null,
    row_before jsonb,
    row_after jsonb,
    entry_hash bytea not null,
    constraint audit_entries_pkey PRIMARY KEY (account_id, entry_number),
    constraint audit_entries_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['staff'::text, 'key'::text])))
);
CREATE INDEX audit_entries_by_actor ON audit_entries USING btree (account_id, actor_key, entry_number);

create table campaign_events (
    account_id bigint not null,
    event_id bigint not null,
    page_tab_id bigint not null,
    target text not null,
    fan_id bigint,
    props jsonb not null default '{}'::jsonb,
    occurred_at timestamp with time zone not null,
    constraint campaign_events_pkey PRIMARY KEY (account_id, event_id)
);
CREATE INDEX campaign_events_by_fan ON campaign_events USING btree (account_id, fan_id) WHERE (fan_id IS NOT NULL);
CREATE INDEX campaign_events_by_target ON campaign_events USING btree (account_id, page_tab_id, target, event_id);

create table campaign_views (
    account_id bigint not null,
    page_tab_id bigint not null,
    viewed_on date not null,
    viewer_hash bytea not null,
    view_count integer not null,
    constraint campaign_views_pkey PRIMARY KEY (account_id, page_tab_id, viewed_on, viewer_hash),
    constraint campaign_views_view_count_check CHECK ((view_count > 0))
);

create table change_trims (
    account_id bigint not null,
    position bigint not null,
    constraint change_trims_pkey PRIMARY KEY (account_id)
);

create table changes (
    account_id bigint not null,
    position bigint not null,
    topic text not null,
    subject_id text not null,
    fan_id bigint,
    occurred_at timestamp with time zone not null,
    data jsonb not null default '{}'::jsonb,
    constraint changes_pkey PRIMARY KEY (account_id, "position")
);
CREATE INDEX changes_by_fan ON changes USING btree (account_id, fan_id, "position") WHERE (fan_id IS NOT NULL);

create table consents (
    account_id bigint not null,
    consent_id bigint not null,
    fan_id bigint not null,
    channel text not null,
    business_id bigint,
    is_granted boolean not null,
    wording text,
    consent_source text not null,
    ip_address text,
    given_at timestamp with time zone not null,
    is_undated boolean not null default false,
    constraint consents_pkey PRIMARY KEY (account_id, consent_id),
    constraint consents_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'phone'::text, 'business'::text, 'everything'::text]))),
    constraint consents_check CHECK (((channel = 'business'::text) = (business_id IS NOT NULL)))
);
CREATE INDEX consents_by_fan ON consents USING btree (account_id, fan_id, consent_id);
CREATE INDEX consents_by_time ON consents USING brin (given_at);

create table erased_identities (
    account_id bigint not null,
    identity_hash bytea not null,
    erased_at timestamp with time zone not null,
    constraint erased_identities_pkey PRIMARY KEY (account_id, identity_hash)
);
CREATE INDEX erased_identities_by_time ON erased_identities USING btree (account_id, erased_at);

create table erasures (
    account_id bigint not null,
    erasure_id bigint not null,
    fan_id bigint not null,
    former_ids bigint[] not null,
    erasure_source text not null,
    erased_at timestamp with time zone not null,
    table_counts jsonb not null,
    digest text not null,
    object_count bigint,
    fan_created_at timestamp with time zone,
    constraint erasures_pkey PRIMARY KEY (account_id, erasure_id)
);
CREATE INDEX erasures_by_fan ON erasures USING btree (account_id, fan_id);

create table fan_activity (
    account_id bigint not null,
    fan_id bigint not null,
    first_active_at timestamp with time zone not null,
    last_active_at timestamp with time zone not null,
    activity_count bigint not null,
    constraint fan_activity_pkey PRIMARY KEY (account_id, fan_id)
) with (fillfactor=80);

create table fan_merges (
    account_id bigint not null,
    merge_id bigint not null,
    absorbed_id bigint not null,
    fan_id bigint not null,
    merge_source text not null,
    merged_at timestamp with time zone not null,
    undone_at timestamp with time zone,
    constraint fan_merges_pkey PRIMARY KEY (account_id, merge_id)
);
CREATE UNIQUE INDEX fan_merges_by_absorbed ON fan_merges USING btree (account_id, absorbed_id) WHERE (undone_at IS NULL);
CREATE INDEX fan_merges_by_fan ON fan_merges USING btree (account_id, fan_id, merge_id);

create table fan_points (
    account_id bigint not null,
    fan_point_id bigint not null,
    fan_point_uid uuid not null,
    fan_id bigint not null,
    point_uid uuid not null,
    point_count bigint not null,
    point_type text not null default 'points'::text,
    point_source text,
    page_tab_id bigint,
    activity_id bigint,
    session_uid uuid,
    reward_uid uuid,
    performance_uid uuid,
    award_key text,
    award_signature text,
    ip_address text,
    props jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null,
    constraint fan_points_pkey PRIMARY KEY (account_id, fan_point_id)
);
CREATE UNIQUE INDEX fan_points_by_award_key ON fan_points USING btree (account_id, award_key) WHERE (award_key IS NOT NULL);
CREATE INDEX fan_points_by_campaign ON fan_points USING btree (account_id, page_tab_id, created_at) INCLUDE (fan_id, point_count) WHERE (page_tab_id IS NOT NULL);
CREATE INDEX fan_points_by_campaign_id ON fan_points USING btree (account_id, page_tab_id, fan_point_id) WHERE (page_tab_id IS NOT NULL);
CREATE INDEX fan_points_by_fan ON fan_points USING btree (account_id, fan_id, fan_point_id);
CREATE INDEX fan_points_by_point ON fan_points USING btree (account_id, point_uid, created_at) INCLUDE (fan_id, point_count);
CREATE INDEX fan_points_by_time ON fan_points USING btree (account_id, created_at, fan_point_id);

create table fans (
    account_id bigint not null,
    fan_id bigint not null generated by default as identity,
    position bigint not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    is_subscribed boolean not null default false,
    is_phone_subscribed boolean not null default false,
    is_optout boolean not null default false,
    is_confirmed boolean not null default false,
    is_phone_confirmed boolean not null default false,
    birth_date date,
    gender text,
    province text,
    country_code text,
    fan_source text,
    rating numeric(2,1),
    metro_area text,
    postal_code text,
    city text,
    first_name text,
    last_name text,
    email text,
    phone text,
    add_phone text,
    display_name text,
    latitude double precision,
    longitude double precision,
    ip_address text,
    image_url text,
    password_hash text,
    props jsonb not null default '{}'::jsonb,
    email_word_at timestamp with time zone,
    phone_word_at timestamp with time zone,
    optout_word_at timestamp with time zone,
    search_text text generated always as (fold_text(((((COALESCE(first_name, ''::text) || ' '::text) || COALESCE(last_name, ''::text)) || ' '::text) || COALESCE(email, ''::text)))) stored,
    constraint fans_pkey PRIMARY KEY (account_id, fan_id),
    constraint fans_birth_date_check CHECK ((birth_date >= '1900-01-01'::date)),
    constraint fans_gender_check CHECK ((gender = ANY (ARRAY['male'::text, 'female'::text, 'diverse'::text, 'other'::text, 'empty'::text]))),
    constraint fans_rating_check CHECK (((rating >= (1)::numeric) AND (rating <= (5)::numeric)))
);
CREATE INDEX fans_by_birth_date ON fans USING btree (account_id, birth_date) WHERE (birth_date IS NOT NULL);
CREATE INDEX fans_by_creation ON fans USING btree (account_id, created_at);
CREATE UNIQUE INDEX fans_by_display_name ON fans USING btree (account_id, fold_text(display_name)) WHERE (display_name IS NOT NULL);
CREATE INDEX fans_by_position ON fans USING btree (account_id, "position");
CREATE INDEX fans_by_postal_code ON fans USING btree (account_id, replace(postal_code, ' '::text, ''::text));
CREATE INDEX fans_by_province ON fans USING btree (account_id, fold_text(province), fan_id) INCLUDE (province, is_subscribed, is_phone_subscribed, is_optout, gender, birth_date, rating);
CREATE INDEX fans_by_text ON fans USING gin (account_id, search_text gin_trgm_ops);
CREATE INDEX fans_sample ON fans USING btree (account_id, hashint8(fan_id)) WHERE ((hashint8(fan_id) % 512) = 0);
CREATE STATISTICS fans_metro_areas ON fold_text(metro_area) FROM fans;
CREATE STATISTICS fans_sources ON fold_text(fan_source) FROM fans;

create table faults (
    account_id bigint not null,
    job_name text not null,
    subject_id text not null,
    fault text not null,
    fail_count integer not null,
    failed_at timestamp with time zone not null,
    retry_at timestamp with time zone not null,
    constraint faults_pkey PRIMARY KEY (account_id, job_name, subject_id)
);

create table idempotency_keys (
    account_id bigint not null,
    idempotency_key text not null,
    request_hash bytea not null,
    status smallint not null,
    answer bytea not null,
    created_at timestamp with time zone not null,
    api_key uuid not null,
    has_secret boolean not null,
    is_secret boolean not null default false,
    constraint idempotency_keys_pkey PRIMARY KEY (account_id, api_key, has_secret, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING btree (account_id, created_at);

create table places_census (
    country_code text not null,
    postal_code text not null,
    census_year integer not null,
    population integer,
    population_per_km2 double precision,
    households integer,
    household_size double precision,
    median_age double precision,
    share_under_18 double precision,
    share_18_to_24 double precision,
    share_65_and_over double precision,
    median_household_income integer,
    share_below_poverty double precision,
    share_employed double precision,
    share_bachelor_or_higher double precision,
    share_in_college double precision,
    share_with_children double precision,
    share_owner_occupied double precision,
    median_home_value integer,
    share_without_car double precision,
    commute_minutes double precision,
    constraint places_census_pkey PRIMARY KEY (country_code, postal_code)
);

create table places_loads (
    source text not null,
    country_code text not null,
    version text not null,
    row_count bigint not null,
    loaded_at timestamp with time zone not null,
    constraint places_loads_pkey PRIMARY KEY (source, country_code)
);

create table places_metro_areas (
    country_code text not null,
    metro_area text not null,
    latitude double precision not null,
    longitude double precision not null,
    reach_km double precision,
    constraint places_metro_areas_pkey PRIMARY KEY (country_code, metro_area)
);

create table places_metro_overrides (
    country_code text not null,
    postal_prefix text not null,
    metro_area text not null,
    constraint places_metro_overrides_pkey PRIMARY KEY (country_code, postal_prefix)
);

create table places_postal_codes (
    country_code text not null,
    postal_code text not null,
    city text,
    province text,
    latitude double precision not null,
    longitude double precision not null,
    listed_metro_area text,
    operator_metro_area text,
    metro_area text generated always as (COALESCE(operator_metro_area, listed_metro_area)) stored,
    source text not null,
    constraint places_postal_codes_pkey PRIMARY KEY (country_code, postal_code),
    constraint places_postal_codes_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    constraint places_postal_codes_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision))),
    constraint places_postal_codes_postal_code_check CHECK ((postal_code ~ '^[^[:space:][:lower:]-]+$'::text))
);

create table purchases (
    account_id bigint not null,
    network text not null,
    purchase_key text not null,
    purchase_id bigint not null,
    fan_id bigint,
    ordered_at timestamp with time zone not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    gross_sale_amount numeric(16,4) not null,
    net_sale_amount numeric(16,4) not null,
    deduction_amount numeric(16,4) not null default 0,
    currency text not null,
    quantity integer not null default 1,
    order_key text not null,
    merchant_key text not null,
    location_key text,
    customer_key text,
    product_key text,
    product_name text,
    product_category text,
    email text,
    phone text,
    country_code text,
    province text,
    city text,
    constraint purchases_pkey PRIMARY KEY (account_id, network, purchase_key)
);
CREATE INDEX purchases_by_fan ON purchases USING btree (account_id, fan_id, ordered_at) INCLUDE (net_sale_amount);
CREATE UNIQUE INDEX purchases_by_id ON purchases USING btree (account_id, network, purchase_id);
CREATE INDEX purchases_by_moment ON purchases USING btree (account_id, ordered_at, purchase_id);
CREATE INDEX purchases_by_order ON purchases USING btree (account_id, order_key, network, purchase_id);
CREATE INDEX purchases_by_product ON purchases USING btree (account_id, product_key, network, ordered_at) INCLUDE (net_sale_amount, quantity, currency) WHERE (product_key IS NOT NULL);
CREATE INDEX purchases_by_product_name ON purchases USING gin (account_id, fold_text(product_name) gin_trgm_ops);
CREATE INDEX purchases_by_time ON purchases USING btree (account_id, network, ordered_at);
CREATE INDEX purchases_in_order ON purchases USING btree (account_id, purchase_id);
CREATE INDEX purchases_unmatched ON purchases USING btree (account_id, network, customer_key) WHERE (fan_id IS NULL);

create table quest_progresses (
    account_id bigint not null,
    fan_id bigint not null,
    page_tab_id bigint not null,
    progress_count bigint not null,
    is_due boolean not null,
    completed_at timestamp with time zone,
    completion_id bigint,
    constraint quest_progresses_pkey PRIMARY KEY (account_id, fan_id, page_tab_id)
);
CREATE INDEX quest_progresses_by_quest ON quest_progresses USING btree (account_id, page_tab_id, completion_id);
CREATE INDEX quest_progresses_due ON quest_progresses USING btree (account_id, fan_id) WHERE is_due;

create unlogged table rate_windows (
    account_id bigint not null,
    api_key uuid not null,
    subscriber text not null,
    minute bigint not null,
    used integer not null,
    constraint rate_windows_pkey PRIMARY KEY (account_id, api_key, subscriber, minute)
);

create table registrations (
    account_id bigint not null,
    network text not null,
    registration_key text not null,
    registration_id bigint not null,
    fan_id bigint,
    activity_id bigint,
    registered_at timestamp with time zone not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    event_name text not null,
    event_date date not null,
    event_key text,
    venue_name text,
    order_key text,
    ticket_key text,
    barcode text,
    lookup_id text,
    is_minor boolean,
    is_preferred boolean not null default false,
    is_subscribed boolean,
    is_phone_subscribed boolean,
    first_name text,
    last_name text,
    email text,
    mail_key text,
    phone text,
    birth_date date,
    address text,
    city text,
    province text,
    country_code text,
    postal_code text,
    constraint registrations_pkey PRIMARY KEY (account_id, network, registration_key)
);
CREATE INDEX registrations_by_barcode ON registrations USING btree (account_id, network, barcode) WHERE (barcode IS NOT NULL);
CREATE INDEX registrations_by_event ON registrations USING btree (account_id, event_date, fold_text(event_name));
CREATE INDEX registrations_by_fan ON registrations USING btree (account_id, fan_id, registered_at);
CREATE UNIQUE INDEX registrations_by_id ON registrations USING btree (account_id, registration_id);
CREATE INDEX registrations_by_mail ON registrations USING btree (account_id, mail_key);
CREATE INDEX registrations_by_time ON registrations USING btree (account_id, registered_at);

create table scans (
    account_id bigint not null,
    scan_key bigint not null,
    network text not null,
    source_key text not null,
    scan_group_name text not null,
    scanned_at timestamp with time zone not null,
    created_at timestamp with time zone not null,
    is_success boolean not null,
    refusal text,
    access_mode text,
    site_name text,
    site_id text,
    node_name text,
    zone_name text,
    registration_key text,
    ticket_order_key text,
    barcode text,
    event_key text,
    event_name text,
    event_date date,
    venue_name text,
    pass_code text,
    pass_uid uuid,
    check_in_key text,
    constraint scans_pkey PRIMARY KEY (account_id, scan_key)
);
CREATE INDEX scans_by_barcode ON scans USING btree (account_id, network, barcode) WHERE (barcode IS NOT NULL);
CREATE INDEX scans_by_event ON scans USING btree (account_id, event_key, scan_key) WHERE (event_key IS NOT NULL);
CREATE INDEX scans_by_event_day ON scans USING btree (account_id, event_date, fold_text(event_name), scan_key) WHERE ((event_key IS NULL) AND (event_date IS NOT NULL));
CREATE INDEX scans_by_event_day_time ON scans USING btree (account_id, event_date, fold_text(event_name), scanned_at) WHERE ((event_key IS NULL) AND (event_date IS NOT NULL));
CREATE INDEX scans_by_event_time ON scans USING btree (account_id, event_key, scanned_at) WHERE (event_key IS NOT NULL);
CREATE INDEX scans_by_folded_group ON scans USING btree (account_id, network, fold_text(scan_group_name), scan_key);
CREATE INDEX scans_by_pass ON scans USING btree (account_id, pass_uid, scan_key) WHERE (pass_uid IS NOT NULL);
CREATE INDEX scans_by_registration ON scans USING btree (account_id, network, registration_key) WHERE (registration_key IS NOT NULL);
CREATE UNIQUE INDEX scans_by_source ON scans USING btree (account_id, network, source_key);
CREATE INDEX scans_refused_by_event ON scans USING btree (account_id, event_key, scan_key) WHERE ((event_key IS NOT NULL) AND (NOT is_success));
CREATE INDEX scans_refused_by_event_day ON scans USING btree (account_id, event_date, fold_text(event_name), scan_key) WHERE ((event_key IS NULL) AND (event_date IS NOT NULL) AND (NOT is_success));

create table schema_migrations (
    version integer not null,
    name text not null,
    checksum text not null,
    applied_at timestamp with time zone not null,
    constraint schema_migrations_pkey PRIMARY KEY (version)
);

create table search_chunks (
    account_id bigint not null,
    search_uid uuid not null,
    first_row integer not null,
    end_row integer not null,
    is_last boolean not null,
    fan_ids bigint[],
    last_fan_id bigint,
    fan_set bytea,
    constraint search_chunks_pkey PRIMARY KEY (account_id, search_uid, first_row),
    constraint search_chunks_check CHECK ((end_row = (first_row + cardinality(fan_ids)))),
    constraint search_chunks_have_fans CHECK ((((fan_set IS NULL) = (fan_ids IS NOT NULL)) AND ((fan_set IS NULL) = (last_fan_id IS NULL))))
);

create table segment_members (
    account_id bigint not null,
    filter_id bigint not null,
    fan_id bigint not null,
    entered_at timestamp with time zone not null,
    constraint segment_members_pkey PRIMARY KEY (account_id, filter_id, fan_id)
);

create table segment_stays (
    account_id bigint not null,
    filter_id bigint not null,
    fan_id bigint not null,
    entered_at timestamp with time zone not null,
    left_at timestamp with time zone not null,
    constraint segment_stays_pkey PRIMARY KEY (account_id, filter_id, fan_id, entered_at)
);
CREATE INDEX segment_stays_by_fan ON segment_stays USING btree (account_id, fan_id);

create table staff (
    staff_id bigint not null generated by default as identity,
    email text not null,
    email_key text not null,
    staff_name text not null,
    password_hash text,
    sealed_totp text,
    totp_step bigint not null default 0,
    created_at timestamp with time zone not null,
    email_proved_at timestamp with time zone,
    constraint staff_pkey PRIMARY KEY (staff_id)
);
CREATE UNIQUE INDEX staff_by_email ON staff USING btree (email_key);

create table standing_buckets (
    account_id bigint not null,
    board text not null,
    level smallint not null,
    bucket integer not null,
    fan_count bigint not null,
    constraint standing_buckets_pkey PRIMARY KEY (account_id, board, level, bucket)
) with (fillfactor=50);

create table standings (
    account_id bigint not null,
    board text not null,
    fan_id bigint not null,
    total bigint not null,
    award_count bigint not null,
    gain bigint not null default 0,
    constraint standings_pkey PRIMARY KEY (account_id, board, fan_id)
);
CREATE INDEX standings_by_fan ON standings USING btree (account_id, fan_id);
CREATE INDEX standings_by_total ON standings USING btree (account_id, board, total DESC, fan_id);

create table tickets (
    account_id bigint not null,
    ticket_id bigint not null,
    fan_id bigint not null,
    event_uid uuid not null,
    purchased_at timestamp with time zone not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    num_seats integer not null,
    is_deleted boolean not null default false,
    paid_amount numeric(16,4) not null,
    currency text not null,
    network text not null default ''::text,
    ticket_key text,
    order_key text,
    customer_key text,
    price_code text,
    constraint tickets_pkey PRIMARY KEY (account_id, ticket_id),
    constraint tickets_num_seats_check CHECK (((num_seats >= '-1000000'::integer) AND (num_seats <= 1000000)))
);
CREATE INDEX tickets_by_event ON tickets USING btree (account_id, event_uid, fan_id) INCLUDE (is_deleted, num_seats, paid_amount, currency, purchased_at);
CREATE INDEX tickets_by_fan ON tickets USING btree (account_id, fan_id, network, order_key) INCLUDE (num_seats, is_deleted);
CREATE UNIQUE INDEX tickets_by_key ON tickets USING btree (account_id, ticket_key, network) WHERE (ticket_key IS NOT NULL);
CREATE INDEX tickets_by_price_code ON tickets USING btree (account_id, fold_text(price_code), fan_id) INCLUDE (is_deleted) WHERE (price_code IS NOT NULL);
CREATE INDEX tickets_by_purchase ON tickets USING btree (account_id, purchased_at, fan_id) INCLUDE (is_deleted);
CREATE INDEX tickets_by_update ON tickets USING btree (account_id, updated_at);

create table tracker_clicks (
    account_id bigint not null,
    click_id bigint not null,
    tracker_id bigint not null,
    clicked_at timestamp with time zone not null,
    visitor_uid uuid,
    fan_id bigint,
    verdict text not null,
    reason text not null,
    is_repeated boolean not null,
    rules_version text not null,
    method text not null,
    purpose text,
    ip_address text,
    user_agent text,
    url_param_props jsonb,
    constraint tracker_clicks_pkey PRIMARY KEY (account_id, click_id)
);
CREATE INDEX tracker_clicks_by_fan ON tracker_clicks USING btree (account_id, fan_id, click_id) WHERE (fan_id IS NOT NULL);
CREATE INDEX tracker_clicks_by_tracker ON tracker_clicks USING btree (account_id, tracker_id, click_id);
CREATE INDEX tracker_clicks_by_visitor ON tracker_clicks USING btree (account_id, visitor_uid, click_id) WHERE (visitor_uid IS NOT NULL);
CREATE INDEX tracker_clicks_counted_by_fan ON tracker_clicks USING btree (account_id, fan_id, tracker_id, clicked_at) WHERE ((verdict = 'human'::text) AND (fan_id IS NOT NULL));
CREATE INDEX tracker_clicks_counted_by_visitor ON tracker_clicks USING btree (account_id, visitor_uid, tracker_id, clicked_at) WHERE ((verdict = 'human'::text) AND (visitor_uid IS NOT NULL));

create table verifications (
    account_id bigint not null,
    request_hash bytea not null,
    network text not null,
    identifier_value text not null,
    recipient text not null,
    code_hash bytea not null,
    tries integer not null default 0,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    used_at timestamp with time zone,
    constraint verifications_pkey PRIMARY KEY (account_id, request_hash),
    constraint verifications_network_check CHECK ((network = ANY (ARRAY['email'::text, 'phone'::text])))
);
CREATE INDEX verifications_by_end ON verifications USING btree (account_id, expires_at);
CREATE INDEX verifications_by_identifier ON verifications USING btree (account_id, network, identifier_value);

create table wagers (
    account_id bigint not null,
    wager_id bigint not null,
    page_tab_id bigint not null,
    tab_item_id bigint not null,
    fan_id bigint not null,
    item_count integer not null,
    point_count bigint not null,
    props jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null,
    constraint wagers_pkey PRIMARY KEY (account_id, wager_id),
    constraint wagers_item_count_check CHECK ((item_count > 0))
);
CREATE INDEX wagers_by_campaign ON wagers USING btree (account_id, page_tab_id, wager_id);
CREATE INDEX wagers_by_fan ON wagers USING btree (account_id, fan_id);
CREATE INDEX wagers_by_item ON wagers USING btree (account_id, page_tab_id, tab_item_id, wager_id);

create table account_moves (
    account_id bigint not null,
    move_id bigint not null,
    source_url text not null,
    started_at timestamp with time zone not null,
    finished_at timestamp with time zone,
    run_number integer not null default 1,
    hash_key uuid not null default gen_random_uuid(),
    constraint account_moves_pkey PRIMARY KEY (account_id, move_id),
    constraint account_moves_account_id_source_url_key UNIQUE (account_id, source_url),
    constraint account_moves_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table ad_days (
    account_id bigint not null,
    figure_date date not null,
    network text not null,
    ad_account_key text not null,
    campaign_key text not null,
    ad_key text not null,
    campaign_name text,
    currency text not null,
    spend numeric(16,4) not null,
    impressions bigint not null,
    clicks bigint not null,
    conversion_count numeric(16,4) not null,
    conversion_amount numeric(16,4) not null,
    offline_conversion_count numeric(16,4) not null,
    offline_conversion_amount numeric(16,4) not null,
    custom_conversion_count numeric(16,4) not null,
    custom_conversion_amount numeric(16,4) not null,
    custom_offline_conversion_count numeric(16,4) not null,
    custom_offline_conversion_amount numeric(16,4) not null,
    updated_at timestamp with time zone not null,
    constraint ad_days_pkey PRIMARY KEY (account_id, figure_date, network, ad_account_key, campaign_key, ad_key),
    constraint ad_days_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table audience_indexes (
    account_id bigint not null,
    address text not null,
    constraint audience_indexes_pkey PRIMARY KEY (account_id),
    constraint audience_indexes_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table audit_heads (
    account_id bigint not null,
    entry_number bigint not null,
    entry_hash bytea not null,
    constraint audit_heads_pkey PRIMARY KEY (account_id),
    constraint audit_heads_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table businesses (
    account_id bigint not null,
    business_id bigint not null generated by default as identity,
    business_name text not null,
    legal_rules text,
    legal_terms text,
    legal_privacy text,
    media_map jsonb not null default '{}'::jsonb,
    scheduler_props jsonb not null default '{}'::jsonb,
    locale_props jsonb not null default '{}'::jsonb,
    style_props jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint businesses_pkey PRIMARY KEY (account_id, business_id),
    constraint businesses_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint businesses_business_name_check CHECK ((business_name <> ''::text))
);
CREATE UNIQUE INDEX businesses_by_name ON businesses USING btree (account_id, fold_text(business_name));

create table crm_fields (
    account_id bigint not null,
    crm_field_key text not null,
    field_type text not null,
    field_options jsonb not null default '[]'::jsonb,
    is_active boolean not null default true,
    is_global boolean not null default false,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint crm_fields_pkey PRIMARY KEY (account_id, crm_field_key),
    constraint crm_fields_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint crm_fields_field_type_check CHECK ((field_type = ANY (ARRAY['text'::text, 'number'::text, 'date'::text, 'boolean'::text, 'choice'::text, 'choices'::text, 'url'::text])))
);

create table display_name_words (
    account_id bigint not null,
    word text not null,
    is_allowed boolean not null,
    created_at timestamp with time zone not null,
    constraint display_name_words_pkey PRIMARY KEY (account_id, word),
    constraint display_name_words_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint display_name_words_word_check CHECK ((word <> ''::text))
);

create table erasure_keys (
    account_id bigint not null,
    hash_key bytea not null,
    constraint erasure_keys_pkey PRIMARY KEY (account_id),
    constraint erasure_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint erasure_keys_hash_key_check CHECK ((length(hash_key) = 32))
);

create table erasure_requests (
    account_id bigint not null,
    erasure_request_id bigint not null,
    fan_id bigint not null,
    request_state text not null default 'waiting'::text,
    request_source text not null,
    business_id bigint,
    request_language text not null default ''::text,
    created_at timestamp with time zone not null,
    due_at timestamp with time zone not null,
    erase_at timestamp with time zone,
    decided_at timestamp with time zone,
    erasure_id bigint,
    constraint erasure_requests_pkey PRIMARY KEY (account_id, erasure_request_id),
    constraint erasure_requests_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint erasure_requests_request_state_check CHECK ((request_state = ANY (ARRAY['waiting'::text, 'withdrawn'::text, 'refused'::text, 'done'::text])))
);
CREATE INDEX erasure_requests_by_fan ON erasure_requests USING btree (account_id, fan_id);
CREATE UNIQUE INDEX erasure_requests_waiting ON erasure_requests USING btree (account_id, fan_id) WHERE (request_state = 'waiting'::text);

create table erasure_settings (
    account_id bigint not null,
    automatic_days integer not null,
    constraint erasure_settings_pkey PRIMARY KEY (account_id),
    constraint erasure_settings_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint erasure_settings_automatic_days_check CHECK (((automatic_days >= 0) AND (automatic_days <= 30)))
);

create table fan_identifiers (
    account_id bigint not null,
    network text not null,
    identifier_value text not null,
    fan_id bigint not null,
    created_at timestamp with time zone not null,
    is_proved boolean not null default false,
    constraint fan_identifiers_pkey PRIMARY KEY (account_id, network, identifier_value),
    constraint fan_identifiers_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX fan_identifiers_by_fan ON fan_identifiers USING btree (account_id, fan_id, network);

create table fan_identities (
    account_id bigint not null,
    identity_id bigint not null,
    issuer text not null,
    subject text not null,
    fan_id bigint not null,
    created_at timestamp with time zone not null,
    used_at timestamp with time zone not null,
    constraint fan_identities_pkey PRIMARY KEY (account_id, identity_id),
    constraint fan_identities_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX fan_identities_by_fan ON fan_identities USING btree (account_id, fan_id);
CREATE UNIQUE INDEX fan_identities_by_subject ON fan_identities USING btree (account_id, issuer, subject);

create table fan_idols (
    account_id bigint not null,
    idol_uid uuid not null,
    fan_id bigint not null,
    is_explicit boolean not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint fan_idols_pkey PRIMARY KEY (account_id, idol_uid, fan_id),
    constraint fan_idols_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX fan_idols_by_fan ON fan_idols USING btree (account_id, fan_id, idol_uid);

create table fan_jobs (
    account_id bigint not null,
    fan_job_id bigint not null,
    fan_job_uid uuid not null,
    job_action text not null,
    job_state text not null,
    criteria jsonb,
    search_uid uuid,
    tag_name text,
    point_uid uuid,
    point_count bigint,
    snapshot_name text,
    expected_count bigint,
    fan_count bigint,
    next_chunk integer not null default 0,
    done_count bigint not null default 0,
    changed_count bigint not null default 0,
    result_uid uuid,
    failure_count integer not null default 0,
    failure text,
    created_at timestamp with time zone not null,
    finished_at timestamp with time zone,
    updated_at timestamp with time zone not null,
    constraint fan_jobs_pkey PRIMARY KEY (account_id, fan_job_id),
    constraint fan_jobs_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint fan_jobs_job_action_check CHECK ((job_action = ANY (ARRAY['tag'::text, 'untag'::text, 'award'::text, 'export'::text, 'snapshot'::text, 'erase'::text]))),
    constraint fan_jobs_job_state_check CHECK ((job_state = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE UNIQUE INDEX fan_jobs_by_uid ON fan_jobs USING btree (account_id, fan_job_uid);
CREATE INDEX fan_jobs_due ON fan_jobs USING btree (account_id) WHERE (job_state = 'running'::text);

create table fan_tags (
    account_id bigint not null,
    tag_id bigint not null,
    fan_id bigint not null,
    created_at timestamp with time zone not null,
    position bigint not null,
    constraint fan_tags_pkey PRIMARY KEY (account_id, tag_id, fan_id),
    constraint fan_tags_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX fan_tags_by_fan ON fan_tags USING btree (account_id, fan_id, tag_id);
CREATE INDEX fan_tags_by_position ON fan_tags USING btree (account_id, "position");
CREATE INDEX fan_tags_by_time ON fan_tags USING btree (account_id, created_at, tag_id, fan_id);

create table file_parts (
    account_id bigint not null,
    file_uid uuid not null,
    part_offset bigint not null,
    content bytea not null,
    constraint file_parts_pkey PRIMARY KEY (account_id, file_uid, part_offset),
    constraint file_parts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table filters (
    account_id bigint not null,
    filter_id bigint not null generated by default as identity,
    filter_uid uuid not null,
    filter_name text not null,
    group_name text,
    criteria jsonb not null,
    is_active boolean not null default true,
    last_search_count bigint,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint filters_pkey PRIMARY KEY (account_id, filter_id),
    constraint filters_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint filters_filter_name_check CHECK ((filter_name <> ''::text))
);
CREATE UNIQUE INDEX filters_by_name ON filters USING btree (account_id, fold_text(filter_name));
CREATE UNIQUE INDEX filters_by_uid ON filters USING btree (account_id, filter_uid);

create table hidden_fans (
    account_id bigint not null,
    fan_id bigint not null,
    created_at timestamp with time zone not null,
    constraint hidden_fans_pkey PRIMARY KEY (account_id, fan_id),
    constraint hidden_fans_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table idols (
    account_id bigint not null,
    idol_uid uuid not null,
    idol_name text not null,
    idol_type text not null,
    spotify_uid text,
    artist_id text,
    discovery_id text,
    description text,
    media_uid uuid,
    image_url text,
    link_url text,
    spotify_follower_count bigint,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint idols_pkey PRIMARY KEY (account_id, idol_uid),
    constraint idols_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint idols_check CHECK (((idol_type = 'artist'::text) = (spotify_uid IS NOT NULL))),
    constraint idols_idol_name_check CHECK ((idol_name <> ''::text)),
    constraint idols_idol_type_check CHECK ((idol_type = ANY (ARRAY['artist'::text, 'sponsor'::text, 'podcast'::text, 'team'::text, 'other'::text]))),
    constraint idols_spotify_follower_count_check CHECK ((spotify_follower_count >= 0))
);
CREATE UNIQUE INDEX idols_by_name ON idols USING btree (account_id, fold_text(idol_name));
CREATE INDEX idols_by_name_part ON idols USING gin (account_id, fold_text(idol_name) gin_trgm_ops);

create table ip_addresses (
    account_id bigint not null,
    page_tab_id bigint not null default 0,
    ip_address cidr not null,
    is_blocked boolean not null,
    created_at timestamp with time zone not null,
    constraint ip_addresses_pkey PRIMARY KEY (account_id, page_tab_id, ip_address),
    constraint ip_addresses_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table merged_rows (
    account_id bigint not null,
    merge_id bigint not null,
    table_name text not null,
    column_name text not null,
    row_key jsonb not null,
    row_before jsonb,
    row_after jsonb,
    constraint merged_rows_pkey PRIMARY KEY (account_id, merge_id, table_name, column_name, row_key),
    constraint merged_rows_account_id_merge_id_fkey FOREIGN KEY (account_id, merge_id) REFERENCES fan_merges(account_id, merge_id) ON DELETE CASCADE
);

create table messages (
    account_id bigint not null,
    message_id bigint not null,
    request_key text not null,
    channel text not null,
    template_name text not null,
    message_language text not null,
    fan_id bigint,
    business_id bigint,
    recipient text,
    message_state text not null default 'queued'::text,
    shown_values jsonb not null default '{}'::jsonb,
    sealed_values text,
    try_count integer not null default 0,
    created_at timestamp with time zone not null,
    due_at timestamp with time zone not null,
    expires_at timestamp with time zone,
    tried_at timestamp with time zone,
    sent_at timestamp with time zone,
    bounced_at timestamp with time zone,
    reported_at timestamp with time zone,
    answer text,
    subject text,
    text_body text,
    html_body text,
    constraint messages_pkey PRIMARY KEY (account_id, message_id),
    constraint messages_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint messages_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text]))),
    constraint messages_message_state_check CHECK ((message_state = ANY (ARRAY['queued'::text, 'sending'::text, 'sent'::text, 'unconfirmed'::text, 'failed'::text, 'expired'::text, 'suppressed'::text, 'stored'::text])))
);
CREATE INDEX messages_by_age ON messages USING btree (account_id, created_at);
CREATE INDEX messages_by_fan ON messages USING btree (account_id, fan_id, message_id) WHERE (fan_id IS NOT NULL);
CREATE INDEX messages_by_recipient ON messages USING btree (account_id, recipient, message_id);
CREATE UNIQUE INDEX messages_by_request ON messages USING btree (account_id, request_key);
CREATE INDEX messages_waiting ON messages USING btree (account_id, due_at) WHERE (message_state = ANY (ARRAY['queued'::text, 'sending'::text]));

create table openid_clients (
    account_id bigint not null,
    client_id bigint not null,
    client_name text not null,
    client_type text not null,
    business_id bigint,
    redirect_uris text[] not null,
    post_logout_redirect_uris text[] not null default '{}'::text[],
    scopes text[] not null,
    is_pkce_required boolean not null default true,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint openid_clients_pkey PRIMARY KEY (account_id, client_id),
    constraint openid_clients_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint openid_clients_check CHECK ((is_pkce_required OR (client_type = 'confidential'::text))),
    constraint openid_clients_client_type_check CHECK ((client_type = ANY (ARRAY['confidential'::text, 'public'::text])))
);

create table openid_keys (
    account_id bigint not null,
    key_number integer not null,
    sealed_key text not null,
    public_key jsonb not null,
    created_at timestamp with time zone not null,
    begins_at timestamp with time zone not null,
    ends_at timestamp with time zone,
    constraint openid_keys_pkey PRIMARY KEY (account_id, key_number),
    constraint openid_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table passkey_origins (
    account_id bigint not null,
    passkey_origin_id bigint not null,
    origin text not null,
    rp_id text not null,
    created_at timestamp with time zone not null,
    constraint passkey_origins_pkey PRIMARY KEY (account_id, passkey_origin_id),
    constraint passkey_origins_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX passkey_origins_by_origin ON passkey_origins USING btree (account_id, origin);

create table passkeys (
    account_id bigint not null,
    passkey_id bigint not null,
    fan_id bigint not null,
    credential_id bytea not null,
    user_handle bytea not null,
    public_key bytea not null,
    sign_count bigint not null,
    rp_id text not null,
    passkey_name text not null,
    transports text[] not null default '{}'::text[],
    is_synced boolean not null,
    created_at timestamp with time zone not null,
    used_at timestamp with time zone,
    constraint passkeys_pkey PRIMARY KEY (account_id, passkey_id),
    constraint passkeys_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE,
    constraint passkeys_credential_id_check CHECK (((length(credential_id) >= 1) AND (length(credential_id) <= 1023)))
);
CREATE UNIQUE INDEX passkeys_by_credential ON passkeys USING btree (account_id, credential_id);
CREATE INDEX passkeys_by_fan ON passkeys USING btree (account_id, fan_id, passkey_id);
CREATE INDEX passkeys_by_host ON passkeys USING btree (account_id, rp_id);

create table password_resets (
    account_id bigint not null,
    reset_hash bytea not null,
    fan_id bigint not null,
    network text,
    identifier_value text,
    next_path text,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    constraint password_resets_pkey PRIMARY KEY (account_id, reset_hash),
    constraint password_resets_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX password_resets_by_expiry ON password_resets USING btree (account_id, expires_at);
CREATE INDEX password_resets_by_fan ON password_resets USING btree (account_id, fan_id);

create table points (
    account_id bigint not null,
    point_uid uuid not null,
    point_name text not null,
    description text,
    is_active boolean not null default true,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint points_pkey PRIMARY KEY (account_id, point_uid),
    constraint points_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint points_point_name_check CHECK ((point_name <> ''::text))
);
CREATE UNIQUE INDEX points_by_name ON points USING btree (account_id, fold_text(point_name));

create table portals (
    account_id bigint not null,
    portal_uid uuid not null,
    portal_id bigint not null,
    portal_name text not null,
    performance_group_name text not null,
    password_hash text,
    template_count bigint not null default 0,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    last_access_at timestamp with time zone,
    constraint portals_pkey PRIMARY KEY (account_id, portal_uid),
    constraint portals_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX portals_by_id ON portals USING btree (account_id, portal_id);

create table products (
    account_id bigint not null,
    network text not null,
    product_key text not null,
    product_name text not null,
    product_category text,
    product_url text,
    image_url text,
    price numeric(16,4),
    currency text,
    is_active boolean not null default true,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    product_id bigint not null,
    constraint products_pkey PRIMARY KEY (account_id, network, product_key),
    constraint products_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX products_by_id ON products USING btree (account_id, product_id);
CREATE INDEX products_by_name ON products USING gin (account_id, fold_text(product_name) gin_trgm_ops);

create table props (
    account_id bigint not null,
    prop_name text not null,
    prop_id bigint not null,
    content jsonb not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint props_pkey PRIMARY KEY (account_id, prop_name),
    constraint props_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint props_content_check CHECK ((jsonb_typeof(content) = 'object'::text))
);
CREATE UNIQUE INDEX props_by_id ON props USING btree (account_id, prop_id);

create table push_tokens (
    account_id bigint not null,
    user_key text not null,
    push_token text not null,
    device_network text not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    device_hash bytea not null,
    constraint push_tokens_pkey PRIMARY KEY (account_id, device_hash),
    constraint push_tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint push_tokens_device_network_check CHECK ((device_network = ANY (ARRAY['ios'::text, 'android'::text, 'huawei'::text, 'web'::text])))
);
CREATE INDEX push_tokens_by_user ON push_tokens USING btree (account_id, user_key);

create table rating_progress (
    account_id bigint not null,
    position bigint not null,
    passed_on date not null,
    pass_to bigint,
    constraint rating_progress_pkey PRIMARY KEY (account_id),
    constraint rating_progress_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table reset_requests (
    account_id bigint not null,
    reset_request_uid uuid not null,
    sealed_request text not null,
    created_at timestamp with time zone not null,
    constraint reset_requests_pkey PRIMARY KEY (account_id, reset_request_uid),
    constraint reset_requests_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id) ON DELETE CASCADE
);

create table retention_periods (
    account_id bigint not null,
    retention_kind text not null,
    retention_days integer not null,
    updated_at timestamp with time zone not null,
    constraint retention_periods_pkey PRIMARY KEY (account_id, retention_kind),
    constraint retention_periods_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint retention_periods_retention_days_check CHECK ((retention_days > 0)),
    constraint retention_periods_retention_kind_check CHECK ((retention_kind = ANY (ARRAY['changes'::text, 'deliveries'::text, 'messages'::text, 'clicks'::text])))
);

create table searches (
    account_id bigint not null,
    search_uid uuid not null,
    criteria jsonb not null,
    newest_fan_id bigint not null,
    next_row integer not null,
    created_at timestamp with time zone not null,
    constraint searches_pkey PRIMARY KEY (account_id, search_uid),
    constraint searches_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX searches_by_age ON searches USING btree (account_id, created_at);

create table segment_progress (
    account_id bigint not null,
    position bigint not null,
    followed_on date not null,
    followed_at timestamp with time zone not null,
    constraint segment_progress_pkey PRIMARY KEY (account_id),
    constraint segment_progress_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table sessions (
    account_id bigint not null,
    session_id bigint not null,
    session_hash bytea not null,
    fan_id bigint not null,
    login_method text not null,
    business_id bigint,
    page_tab_id bigint,
    ip_address text,
    device_id text,
    device_network text,
    created_at timestamp with time zone not null,
    used_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    passkey_id bigint,
    authenticated_at timestamp with time zone,
    constraint sessions_pkey PRIMARY KEY (account_id, session_id),
    constraint sessions_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX sessions_by_expiry ON sessions USING btree (account_id, expires_at);
CREATE INDEX sessions_by_fan ON sessions USING btree (account_id, fan_id, session_id);
CREATE UNIQUE INDEX sessions_by_hash ON sessions USING btree (account_id, session_hash);

create table shared_identifiers (
    account_id bigint not null,
    network text not null,
    identifier_value text not null,
    fan_id bigint not null,
    created_at timestamp with time zone not null,
    constraint shared_identifiers_pkey PRIMARY KEY (account_id, network, identifier_value, fan_id),
    constraint shared_identifiers_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX shared_identifiers_by_fan ON shared_identifiers USING btree (account_id, fan_id);

create table shopify_shops (
    account_id bigint not null,
    shop_url text not null,
    shop_name text not null,
    sealed_token text not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint shopify_shops_pkey PRIMARY KEY (account_id),
    constraint shopify_shops_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table snapshots (
    account_id bigint not null,
    snapshot_uid uuid not null,
    snapshot_name text not null,
    made_from text not null,
    created_at timestamp with time zone not null,
    constraint snapshots_pkey PRIMARY KEY (account_id, snapshot_uid),
    constraint snapshots_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint snapshots_snapshot_name_check CHECK ((snapshot_name <> ''::text))
);
CREATE UNIQUE INDEX snapshots_by_name ON snapshots USING btree (account_id, fold_text(snapshot_name));

create table staff_invitations (
    account_id bigint not null,
    invitation_id bigint not null,
    email text not null,
    email_key text not null,
    role text not null,
    custom_rights jsonb not null default '{}'::jsonb,
    business_ids bigint[],
    token_hash bytea not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    is_proof boolean not null default false,
    constraint staff_invitations_pkey PRIMARY KEY (account_id, invitation_id),
    constraint staff_invitations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint staff_invitations_role_check CHECK ((role = ANY (ARRAY['full'::text, 'editor'::text, 'analyst'::text, 'legal'::text, 'custom'::text])))
);
CREATE UNIQUE INDEX staff_invitations_by_email ON staff_invitations USING btree (account_id, email_key);
CREATE UNIQUE INDEX staff_invitations_by_token ON staff_invitations USING btree (token_hash);

create table staff_links (
    token_hash bytea not null,
    staff_id bigint not null,
    purpose text not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    constraint staff_links_pkey PRIMARY KEY (token_hash),
    constraint staff_links_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff(staff_id) ON DELETE CASCADE,
    constraint staff_links_purpose_check CHECK ((purpose = ANY (ARRAY['password'::text, 'sign_in'::text])))
);
CREATE INDEX staff_links_by_end ON staff_links USING btree (expires_at);

create table staff_memberships (
    account_id bigint not null,
    staff_id bigint not null,
    role text not null,
    custom_rights jsonb not null default '{}'::jsonb,
    business_ids bigint[],
    created_at timestamp with time zone not null,
    constraint staff_memberships_pkey PRIMARY KEY (account_id, staff_id),
    constraint staff_memberships_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint staff_memberships_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff(staff_id),
    constraint staff_memberships_role_check CHECK ((role = ANY (ARRAY['full'::text, 'editor'::text, 'analyst'::text, 'legal'::text, 'custom'::text])))
);
CREATE INDEX staff_memberships_by_person ON staff_memberships USING btree (staff_id, account_id);

create table staff_passkeys (
    passkey_id bigint not null generated by default as identity,
    staff_id bigint not null,
    credential_id bytea not null,
    user_handle bytea not null,
    public_key bytea not null,
    sign_count bigint not null,
    rp_id text not null,
    passkey_name text not null,
    transports text[] not null default '{}'::text[],
    is_synced boolean not null,
    created_at timestamp with time zone not null,
    used_at timestamp with time zone,
    constraint staff_passkeys_pkey PRIMARY KEY (passkey_id),
    constraint staff_passkeys_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff(staff_id) ON DELETE CASCADE,
    constraint staff_passkeys_credential_id_check CHECK (((length(credential_id) >= 1) AND (length(credential_id) <= 1023)))
);
CREATE UNIQUE INDEX staff_passkeys_by_credential ON staff_passkeys USING btree (credential_id);
CREATE INDEX staff_passkeys_by_person ON staff_passkeys USING btree (staff_id, passkey_id);

create table staff_recovery_codes (
    staff_id bigint not null,
    code_hash bytea not null,
    constraint staff_recovery_codes_pkey PRIMARY KEY (staff_id, code_hash),
    constraint staff_recovery_codes_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff(staff_id) ON DELETE CASCADE
);

create table staff_sessions (
    session_id bigint not null generated by default as identity,
    staff_id bigint not null,
    token_hash bytea not null,
    sign_in_method text not null,
    address text,
    user_agent text,
    created_at timestamp with time zone not null,
    used_at timestamp with time zone not null,
    proved_at timestamp with time zone not null,
    account_id bigint,
    sealed_id_token text,
    constraint staff_sessions_pkey PRIMARY KEY (session_id),
    constraint staff_sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint staff_sessions_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff(staff_id) ON DELETE CASCADE,
    constraint staff_sessions_id_token_check CHECK (((sealed_id_token IS NULL) OR (sign_in_method = 'sso'::text))),
    constraint staff_sessions_sign_in_method_check CHECK (((sign_in_method = ANY (ARRAY['password'::text, 'passkey'::text, 'link'::text, 'sso'::text])) AND ((sign_in_method = 'sso'::text) = (account_id IS NOT NULL))))
);
CREATE INDEX staff_sessions_by_account ON staff_sessions USING btree (account_id) WHERE (account_id IS NOT NULL);
CREATE INDEX staff_sessions_by_person ON staff_sessions USING btree (staff_id, session_id);
CREATE UNIQUE INDEX staff_sessions_by_token ON staff_sessions USING btree (token_hash);

create table staff_sign_ons (
    account_id bigint not null,
    issuer text not null,
    client_id text not null,
    sealed_secret text,
    role_claim text,
    claim_roles json not null default '{}'::json,
    default_role text,
    email_domains text[] not null,
    is_enabled boolean not null,
    is_forced boolean not null,
    updated_at timestamp with time zone not null,
    constraint staff_sign_ons_pkey PRIMARY KEY (account_id),
    constraint staff_sign_ons_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint staff_sign_ons_client_id_check CHECK ((client_id <> ''::text)),
    constraint staff_sign_ons_email_domains_check CHECK ((email_domains <> '{}'::text[])),
    constraint staff_sign_ons_issuer_check CHECK ((issuer <> ''::text))
);

create table storages (
    account_id bigint not null,
    storage_id bigint not null,
    storage_uid uuid not null,
    storage_name text not null,
    endpoint text not null,
    region text not null,
    bucket text not null,
    key_prefix text not null,
    access_key_id text not null,
    sealed_secret text not null,
    is_path_style boolean not null,
    tested_at timestamp with time zone,
    test_failure text,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint storages_pkey PRIMARY KEY (account_id, storage_id),
    constraint storages_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX storages_by_uid ON storages USING btree (account_id, storage_uid);

create table stream_pictures (
    account_id bigint not null,
    picture_key text not null,
    content bytea not null,
    created_at timestamp with time zone not null,
    constraint stream_pictures_pkey PRIMARY KEY (account_id, picture_key),
    constraint stream_pictures_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table streams (
    account_id bigint not null,
    stream_id bigint not null,
    stream_key text not null,
    stream_name text not null,
    props jsonb not null,
    media_map jsonb not null,
    virtual_domain text,
    css_text text not null,
    javascript_text text not null,
    record_limit integer not null,
    trust_level text not null,
    is_public boolean not null,
    has_word_list boolean not null,
    author_limit integer not null,
    retention_days integer,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    deleted_at timestamp with time zone,
    constraint streams_pkey PRIMARY KEY (account_id, stream_id),
    constraint streams_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint streams_media_map_check CHECK ((jsonb_typeof(media_map) = 'object'::text)),
    constraint streams_props_check CHECK ((jsonb_typeof(props) = 'object'::text))
);
CREATE UNIQUE INDEX streams_by_key ON streams USING btree (stream_key);

create table suppressions (
    account_id bigint not null,
    suppression_id bigint not null,
    channel text not null,
    address_hash bytea not null,
    address text,
    suppression_reason text not null,
    message_id bigint,
    created_at timestamp with time zone not null,
    import_source text,
    constraint suppressions_pkey PRIMARY KEY (account_id, channel, address_hash),
    constraint suppressions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint suppressions_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text]))),
    constraint suppressions_suppression_reason_check CHECK ((suppression_reason = ANY (ARRAY['bounce'::text, 'complaint'::text, 'manual'::text])))
);
CREATE INDEX suppressions_by_address ON suppressions USING btree (account_id, address);
CREATE UNIQUE INDEX suppressions_by_id ON suppressions USING btree (account_id, suppression_id);

create table tags (
    account_id bigint not null,
    tag_id bigint not null generated by default as identity,
    tag_name text not null,
    created_at timestamp with time zone not null,
    constraint tags_pkey PRIMARY KEY (account_id, tag_id),
    constraint tags_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint tags_tag_name_check CHECK ((tag_name <> ''::text))
);
CREATE UNIQUE INDEX tags_by_name ON tags USING btree (account_id, fold_text(tag_name));

create table ticket_events (
    account_id bigint not null,
    event_uid uuid not null,
    event_date date not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    network text not null default ''::text,
    event_key text,
    event_name text not null,
    venue_name text,
    venue_province text,
    artist_name text,
    notes text,
    label_name text,
    event_type text,
    constraint ticket_events_pkey PRIMARY KEY (account_id, event_uid),
    constraint ticket_events_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint ticket_events_event_name_check CHECK ((event_name <> ''::text))
);
CREATE INDEX ticket_events_by_artist ON ticket_events USING btree (account_id, fold_text(artist_name));
CREATE INDEX ticket_events_by_date ON ticket_events USING btree (account_id, event_date);
CREATE UNIQUE INDEX ticket_events_by_day ON ticket_events USING btree (account_id, event_date, fold_text(event_name)) WHERE (event_key IS NULL);
CREATE UNIQUE INDEX ticket_events_by_key ON ticket_events USING btree (account_id, event_key, network) WHERE (event_key IS NOT NULL);
CREATE INDEX ticket_events_by_name ON ticket_events USING btree (account_id, fold_text(event_name), event_date);
CREATE INDEX ticket_events_by_venue ON ticket_events USING btree (account_id, fold_text(venue_name));

create table tracker_domains (
    account_id bigint not null,
    domain_id bigint not null,
    host text not null,
    confirmation_token text not null,
    created_at timestamp with time zone not null,
    checked_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    is_secure boolean not null default false,
    check_fault text,
    constraint tracker_domains_pkey PRIMARY KEY (account_id, domain_id),
    constraint tracker_domains_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX tracker_domains_by_host ON tracker_domains USING btree (account_id, host);
CREATE UNIQUE INDEX tracker_domains_confirmed ON tracker_domains USING btree (host) WHERE (confirmed_at IS NOT NULL);

create table tracker_events (
    account_id bigint not null,
    event_id bigint not null,
    tracker_event_uid uuid not null,
    event_source text not null,
    created_at timestamp with time zone not null,
    purchase_event_name text,
    purchase_amount numeric(16,4) not null,
    currency text not null,
    quantity integer not null,
    order_key text,
    network text not null default ''::text,
    purchase_key text,
    ticket_id bigint,
    activity_id bigint,
    click_id bigint,
    visitor_uid uuid,
    fan_id bigint,
    tracker_id bigint,
    is_clicked boolean not null,
    ip_address text,
    user_agent text,
    device_type text,
    province text,
    country_code text,
    host_name text,
    purchase_event_details jsonb,
    url_param_props jsonb,
    is_returned boolean not null default false,
    is_replaced boolean not null default false,
    constraint tracker_events_pkey PRIMARY KEY (account_id, event_id),
    constraint tracker_events_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint tracker_events_event_source_check CHECK ((event_source = ANY (ARRAY['pixel'::text, 'purchase'::text, 'ticket'::text])))
);
CREATE INDEX tracker_events_by_clicked_order ON tracker_events USING btree (account_id, order_key, event_source, event_id) WHERE (is_clicked AND (order_key IS NOT NULL));
CREATE INDEX tracker_events_by_fan ON tracker_events USING btree (account_id, fan_id) WHERE (fan_id IS NOT NULL);
CREATE UNIQUE INDEX tracker_events_by_order ON tracker_events USING btree (account_id, order_key) WHERE ((event_source = 'pixel'::text) AND (order_key IS NOT NULL));
CREATE INDEX tracker_events_by_order_line ON tracker_events USING btree (account_id, order_key, event_source, network, event_id) WHERE (order_key IS NOT NULL);
CREATE UNIQUE INDEX tracker_events_by_purchase ON tracker_events USING btree (account_id, network, purchase_key) WHERE (event_source = 'purchase'::text);
CREATE UNIQUE INDEX tracker_events_by_ticket ON tracker_events USING btree (account_id, ticket_id) WHERE (event_source = 'ticket'::text);
CREATE INDEX tracker_events_by_time ON tracker_events USING btree (account_id, created_at, event_id);
CREATE INDEX tracker_events_by_tracker ON tracker_events USING btree (account_id, tracker_id) WHERE (tracker_id IS NOT NULL);
CREATE UNIQUE INDEX tracker_events_by_uid ON tracker_events USING btree (account_id, tracker_event_uid);
CREATE INDEX tracker_events_by_visitor ON tracker_events USING btree (account_id, visitor_uid) WHERE (visitor_uid IS NOT NULL);

create table tracker_settings (
    account_id bigint not null,
    attribution text not null default 'last_click'::text,
    feed_position bigint not null default 0,
    rules_version text not null default ''::text,
    judged_to bigint,
    clicks_cleared_to bigint not null default 0,
    events_cleared_to bigint not null default 0,
    is_attribution_due boolean not null default false,
    judged_click_id bigint not null default 0,
    constraint tracker_settings_pkey PRIMARY KEY (account_id),
    constraint tracker_settings_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint tracker_settings_attribution_check CHECK ((attribution = ANY (ARRAY['last_click'::text, 'first_click'::text, 'linear'::text])))
);

create table used_tokens (
    account_id bigint not null,
    token_hash bytea not null,
    expires_at timestamp with time zone not null,
    constraint used_tokens_pkey PRIMARY KEY (account_id, token_hash),
    constraint used_tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX used_tokens_by_expiry ON used_tokens USING btree (account_id, expires_at);

create table webhook_progress (
    account_id bigint not null,
    position bigint not null,
    constraint webhook_progress_pkey PRIMARY KEY (account_id),
    constraint webhook_progress_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table webhooks (
    account_id bigint not null,
    webhook_id bigint not null,
    webhook_uid uuid not null,
    url text not null,
    topics text[] not null,
    business_id bigint,
    filter_uid uuid,
    description text,
    payload_format text not null,
    is_enabled boolean not null,
    disable_reason text,
    begins_after bigint not null,
    first_failure_at timestamp with time zone,
    failure_count integer not null default 0,
    due_at timestamp with time zone,
    lease_ends_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint webhooks_pkey PRIMARY KEY (account_id, webhook_id),
    constraint webhooks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint webhooks_disable_reason_check CHECK ((disable_reason = ANY (ARRAY['gone'::text, 'failing'::text]))),
    constraint webhooks_payload_format_check CHECK ((payload_format = ANY (ARRAY['standard'::text, 'cloudevents'::text])))
);
CREATE UNIQUE INDEX webhooks_by_uid ON webhooks USING btree (account_id, webhook_uid);
CREATE INDEX webhooks_due ON webhooks USING btree (account_id, due_at) WHERE ((due_at IS NOT NULL) AND is_enabled);

create table zone_changes (
    account_id bigint not null,
    change_id bigint not null,
    old_time_zone text not null,
    time_zone text not null,
    created_at timestamp with time zone not null,
    completed_at timestamp with time zone,
    click_count bigint not null default 0,
    sale_count bigint not null default 0,
    segment_move_count bigint not null default 0,
    schedule_count bigint not null default 0,
    constraint zone_changes_pkey PRIMARY KEY (account_id, change_id),
    constraint zone_changes_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX zone_changes_open ON zone_changes USING btree (account_id) WHERE (completed_at IS NULL);

create table accepted_terms (
    account_id bigint not null,
    fan_id bigint not null,
    business_id bigint not null,
    terms_hash bytea not null,
    ip_address text,
    accepted_at timestamp with time zone not null,
    constraint accepted_terms_pkey PRIMARY KEY (account_id, fan_id, business_id, terms_hash),
    constraint accepted_terms_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id) ON DELETE CASCADE,
    constraint accepted_terms_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);

create table ad_projects (
    account_id bigint not null,
    project_uid uuid not null,
    project_id bigint not null,
    project_name text not null,
    business_id bigint,
    created_at timestamp with time zone not null,
    constraint ad_projects_pkey PRIMARY KEY (account_id, project_uid),
    constraint ad_projects_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id),
    constraint ad_projects_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX ad_projects_by_id ON ad_projects USING btree (account_id, project_id);

create table api_keys (
    account_id bigint not null,
    api_key uuid not null,
    key_name text not null default ''::text,
    scopes text[] not null,
    rate_limit integer not null default 10000,
    created_at timestamp with time zone not null,
    revoked_at timestamp with time zone,
    is_read_only boolean not null default false,
    expires_at timestamp with time zone,
    staff_id bigint,
    session_id bigint,
    constraint api_keys_pkey PRIMARY KEY (account_id, api_key),
    constraint api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint api_keys_account_id_staff_id_fkey FOREIGN KEY (account_id, staff_id) REFERENCES staff_memberships(account_id, staff_id) ON DELETE CASCADE,
    constraint api_keys_session_id_fkey FOREIGN KEY (session_id) REFERENCES staff_sessions(session_id) ON DELETE CASCADE,
    constraint api_keys_rate_limit_check CHECK ((rate_limit > 0))
);
CREATE UNIQUE INDEX api_keys_by_key ON api_keys USING btree (api_key);
CREATE INDEX api_keys_by_session ON api_keys USING btree (session_id) WHERE (session_id IS NOT NULL);

create table campaigns (
    account_id bigint not null,
    page_tab_id bigint not null generated by default as identity,
    title text not null,
    app_type text not null default 'custom'::text,
    business_id bigint,
    stream_key text,
    is_active boolean not null default true,
    is_scheduled boolean not null default false,
    live_status text,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    closed_at timestamp with time zone,
    winner_fan_id bigint,
    time_zone text,
    media_map jsonb not null default '{}'::jsonb,
    props jsonb not null default '{}'::jsonb,
    locale_props jsonb not null default '{}'::jsonb,
    style_props jsonb not null default '{}'::jsonb,
    links_map jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint campaigns_pkey PRIMARY KEY (account_id, page_tab_id),
    constraint campaigns_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id),
    constraint campaigns_title_check CHECK ((title <> ''::text))
);
CREATE UNIQUE INDEX campaigns_by_custom_title ON campaigns USING btree (account_id, fold_text(title)) WHERE (app_type = 'custom'::text);
CREATE INDEX campaigns_by_winner ON campaigns USING btree (account_id, winner_fan_id) WHERE (winner_fan_id IS NOT NULL);

create table export_deliveries (
    account_id bigint not null,
    delivery_id bigint not null,
    export_id bigint not null,
    storage_id bigint,
    bucket text not null,
    object_key text not null,
    is_abandoned boolean not null default false,
    upload_key text,
    part_bytes bigint not null default 0,
    part_etags text[] not null default '{}'::text[],
    failure_count integer not null default 0,
    created_at timestamp with time zone not null,
    due_at timestamp with time zone not null,
    lease_ends_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
    failure_part_count integer not null default 0,
    has_object boolean not null default false,
    export_uid uuid,
    table_name text,
    constraint export_deliveries_pkey PRIMARY KEY (account_id, delivery_id),
    constraint export_deliveries_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint export_deliveries_account_id_storage_id_fkey FOREIGN KEY (account_id, storage_id) REFERENCES storages(account_id, storage_id) ON DELETE SET NULL (storage_id)
);
CREATE INDEX export_deliveries_by_export ON export_deliveries USING btree (account_id, export_id);
CREATE INDEX export_deliveries_by_storage ON export_deliveries USING btree (account_id, storage_id);
CREATE INDEX export_deliveries_due ON export_deliveries USING btree (due_at);

create table export_objects (
    account_id bigint not null,
    object_id bigint not null,
    export_uid uuid not null,
    table_name text not null,
    storage_id bigint,
    endpoint text,
    bucket text not null,
    object_key text not null,
    completed_at timestamp with time zone not null,
    delivery_id bigint,
    constraint export_objects_pkey PRIMARY KEY (account_id, object_id),
    constraint export_objects_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint export_objects_account_id_storage_id_fkey FOREIGN KEY (account_id, storage_id) REFERENCES storages(account_id, storage_id) ON DELETE SET NULL (storage_id)
);
CREATE UNIQUE INDEX export_objects_by_delivery ON export_objects USING btree (account_id, delivery_id) WHERE (delivery_id IS NOT NULL);

create table export_schedules (
    account_id bigint not null,
    schedule_id bigint not null,
    schedule_uid uuid not null,
    schedule_name text,
    table_name text not null,
    file_format text not null,
    search jsonb,
    frequency text not null,
    schedule_hour integer not null,
    weekday integer,
    month_day integer,
    retention_days integer not null,
    is_active boolean not null,
    next_run_at timestamp with time zone not null,
    last_run_at timestamp with time zone,
    last_failure text,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    storage_id bigint,
    constraint export_schedules_pkey PRIMARY KEY (account_id, schedule_id),
    constraint export_schedules_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint export_schedules_account_id_storage_id_fkey FOREIGN KEY (account_id, storage_id) REFERENCES storages(account_id, storage_id),
    constraint export_schedules_file_format_check CHECK ((file_format = ANY (ARRAY['csv'::text, 'ndjson'::text, 'parquet'::text]))),
    constraint export_schedules_frequency_check CHECK ((frequency = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text]))),
    constraint export_schedules_month_day_check CHECK (((month_day >= 1) AND (month_day <= 31))),
    constraint export_schedules_retention_days_check CHECK (((retention_days >= 1) AND (retention_days <= 90))),
    constraint export_schedules_schedule_hour_check CHECK (((schedule_hour >= 0) AND (schedule_hour <= 23))),
    constraint export_schedules_weekday_check CHECK (((weekday >= 1) AND (weekday <= 7)))
);
CREATE INDEX export_schedules_by_storage ON export_schedules USING btree (account_id, storage_id) WHERE (storage_id IS NOT NULL);
CREATE UNIQUE INDEX export_schedules_by_uid ON export_schedules USING btree (account_id, schedule_uid);
CREATE INDEX export_schedules_due ON export_schedules USING btree (next_run_at) WHERE is_active;

create table exports (
    account_id bigint not null,
    export_id bigint not null,
    export_uid uuid not null,
    table_name text not null,
    file_format text not null,
    export_name text,
    search_uid uuid,
    export_state text not null,
    has_file boolean not null default true,
    watermark bigint not null,
    last_key bigint not null default 0,
    row_count bigint not null default 0,
    content_bytes bigint not null default 0,
    file_bytes bigint not null default 0,
    checksum bigint not null default 0,
    sha256 bytea,
    failure_count integer not null default 0,
    failure text,
    created_at timestamp with time zone not null,
    finished_at timestamp with time zone,
    updated_at timestamp with time zone not null,
    has_rows boolean not null default false,
    schedule_id bigint,
    retention_days integer not null default 7,
    storage_id bigint,
    bucket text,
    object_key text,
    last_place jsonb,
    constraint exports_pkey PRIMARY KEY (account_id, export_id),
    constraint exports_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint exports_account_id_storage_id_fkey FOREIGN KEY (account_id, storage_id) REFERENCES storages(account_id, storage_id) ON DELETE SET NULL (storage_id),
    constraint exports_export_state_check CHECK ((export_state = ANY (ARRAY['running'::text, 'delivering'::text, 'completed'::text, 'failed'::text]))),
    constraint exports_file_format_check CHECK ((file_format = ANY (ARRAY['csv'::text, 'ndjson'::text, 'parquet'::text])))
);
CREATE INDEX exports_by_schedule ON exports USING btree (account_id, schedule_id, export_id) WHERE (schedule_id IS NOT NULL);
CREATE INDEX exports_by_storage ON exports USING btree (account_id, storage_id) WHERE (storage_id IS NOT NULL);
CREATE UNIQUE INDEX exports_by_uid ON exports USING btree (account_id, export_uid);
CREATE INDEX exports_due ON exports USING btree (account_id) WHERE (export_state = 'running'::text);

create table fan_businesses (
    account_id bigint not null,
    fan_id bigint not null,
    business_id bigint not null,
    is_opted_in boolean not null,
    updated_at timestamp with time zone not null,
    constraint fan_businesses_pkey PRIMARY KEY (account_id, fan_id, business_id),
    constraint fan_businesses_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id),
    constraint fan_businesses_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);

create table fan_fields (
    account_id bigint not null,
    fan_id bigint not null,
    crm_field_key text not null,
    field_value jsonb not null,
    updated_at timestamp with time zone not null,
    constraint fan_fields_pkey PRIMARY KEY (account_id, fan_id, crm_field_key),
    constraint fan_fields_account_id_crm_field_key_fkey FOREIGN KEY (account_id, crm_field_key) REFERENCES crm_fields(account_id, crm_field_key),
    constraint fan_fields_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX fan_fields_by_key ON fan_fields USING btree (account_id, crm_field_key);

create table fan_job_chunks (
    account_id bigint not null,
    fan_job_id bigint not null,
    chunk_number integer not null,
    fan_ids bigint[] not null,
    constraint fan_job_chunks_pkey PRIMARY KEY (account_id, fan_job_id, chunk_number),
    constraint fan_job_chunks_account_id_fan_job_id_fkey FOREIGN KEY (account_id, fan_job_id) REFERENCES fan_jobs(account_id, fan_job_id)
);

create table filter_states (
    account_id bigint not null,
    filter_id bigint not null,
    condition_digest bytea not null,
    member_count bigint not null default 0,
    build_from bigint,
    built_at timestamp with time zone,
    constraint filter_states_pkey PRIMARY KEY (account_id, filter_id),
    constraint filter_states_account_id_filter_id_fkey FOREIGN KEY (account_id, filter_id) REFERENCES filters(account_id, filter_id) ON DELETE CASCADE
);

create table identity_providers (
    account_id bigint not null,
    provider_id bigint not null,
    business_id bigint,
    preset text not null,
    title text,
    issuer text not null,
    client_ids text[] not null,
    sealed_secret text,
    jwks_url text,
    authorization_url text,
    token_url text,
    userinfo_url text,
    is_email_trusted boolean not null,
    is_access_token_accepted boolean not null,
    is_enabled boolean not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    team_id text,
    key_id text,
    constraint identity_providers_pkey PRIMARY KEY (account_id, provider_id),
    constraint identity_providers_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id) ON DELETE CASCADE,
    constraint identity_providers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint identity_providers_preset_check CHECK ((preset = ANY (ARRAY['oidc'::text, 'google'::text, 'facebook'::text, 'apple'::text, 'spotify'::text])))
);
CREATE INDEX identity_providers_by_business ON identity_providers USING btree (account_id, business_id) WHERE (business_id IS NOT NULL);
CREATE UNIQUE INDEX identity_providers_by_issuer ON identity_providers USING btree (account_id, COALESCE(business_id, (0)::bigint), issuer);

create table idol_labels (
    account_id bigint not null,
    idol_uid uuid not null,
    label_name text not null,
    constraint idol_labels_pkey PRIMARY KEY (account_id, idol_uid, label_name),
    constraint idol_labels_account_id_idol_uid_fkey FOREIGN KEY (account_id, idol_uid) REFERENCES idols(account_id, idol_uid) ON DELETE CASCADE,
    constraint idol_labels_label_name_check CHECK ((label_name <> ''::text))
);
CREATE INDEX idol_labels_by_name ON idol_labels USING btree (account_id, fold_text(label_name));

create table imports (
    account_id bigint not null,
    import_id bigint not null,
    import_uid uuid not null,
    kind text not null,
    import_name text,
    file_format text not null,
    import_state text not null,
    has_file boolean not null default true,
    file_bytes bigint not null default 0,
    is_utf8 boolean not null default true,
    columns text[] not null default '{}'::text[],
    dialect jsonb not null default '{}'::jsonb,
    mapping jsonb not null default '{}'::jsonb,
    constants jsonb not null default '{}'::jsonb,
    run_offset bigint not null default 0,
    run_row bigint not null default 0,
    row_count bigint not null default 0,
    created_count bigint not null default 0,
    matched_count bigint not null default 0,
    error_count bigint not null default 0,
    refused_count bigint not null default 0,
    kept_count bigint not null default 0,
    undone_count bigint not null default 0,
    failure_count integer not null default 0,
    failure text,
    created_at timestamp with time zone not null,
    uploaded_at timestamp with time zone,
    finished_at timestamp with time zone,
    updated_at timestamp with time zone not null,
    last_work text,
    source_bytes bigint not null default 0,
    sheets text[] not null default '{}'::text[],
    sheet text,
    storage_id bigint,
    bucket text,
    object_key text,
    constraint imports_pkey PRIMARY KEY (account_id, import_id),
    constraint imports_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint imports_account_id_storage_id_fkey FOREIGN KEY (account_id, storage_id) REFERENCES storages(account_id, storage_id) ON DELETE SET NULL (storage_id),
    constraint imports_file_format_check CHECK ((file_format = ANY (ARRAY['csv'::text, 'ndjson'::text, 'xlsx'::text]))),
    constraint imports_import_state_check CHECK ((import_state = ANY (ARRAY['uploading'::text, 'fetching'::text, 'converting'::text, 'ready'::text, 'checking'::text, 'importing'::text, 'completed'::text, 'failed'::text, 'undoing'::text, 'undone'::text]))),
    constraint imports_last_work_check CHECK ((last_work = ANY (ARRAY['checking'::text, 'importing'::text, 'undoing'::text])))
);
CREATE INDEX imports_by_storage ON imports USING btree (account_id, storage_id) WHERE (storage_id IS NOT NULL);
CREATE UNIQUE INDEX imports_by_uid ON imports USING btree (account_id, import_uid);
CREATE INDEX imports_due ON imports USING btree (account_id) WHERE (import_state = ANY (ARRAY['converting'::text, 'checking'::text, 'importing'::text, 'undoing'::text]));
CREATE INDEX imports_with_file ON imports USING btree (account_id) INCLUDE (file_bytes, source_bytes) WHERE has_file;

create table login_codes (
    account_id bigint not null,
    code_hash bytea not null,
    session_id bigint not null,
    redirect_url text not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    used_at timestamp with time zone,
    opened_session_id bigint,
    constraint login_codes_pkey PRIMARY KEY (account_id, code_hash),
    constraint login_codes_account_id_session_id_fkey FOREIGN KEY (account_id, session_id) REFERENCES sessions(account_id, session_id) ON DELETE CASCADE
);
CREATE INDEX login_codes_by_expiry ON login_codes USING btree (account_id, expires_at);
CREATE INDEX login_codes_by_session ON login_codes USING btree (account_id, session_id);

create table message_senders (
    account_id bigint not null,
    sender_id bigint not null,
    business_id bigint,
    from_name text,
    from_address text,
    reply_to text,
    sms_sender text,
    confirmation_token text not null,
    confirmed_at timestamp with time zone,
    is_signed boolean not null default false,
    has_policy boolean not null default false,
    checked_at timestamp with time zone,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint message_senders_pkey PRIMARY KEY (account_id, sender_id),
    constraint message_senders_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id) ON DELETE CASCADE,
    constraint message_senders_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX message_senders_by_business ON message_senders USING btree (account_id, COALESCE(business_id, (0)::bigint));
CREATE INDEX message_senders_of_business ON message_senders USING btree (account_id, business_id) WHERE (business_id IS NOT NULL);

create table message_templates (
    account_id bigint not null,
    template_id bigint not null,
    template_name text not null,
    channel text not null,
    template_language text not null,
    business_id bigint,
    subject text not null default ''::text,
    text_body text not null,
    html_body text not null default ''::text,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint message_templates_pkey PRIMARY KEY (account_id, template_id),
    constraint message_templates_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id) ON DELETE CASCADE,
    constraint message_templates_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint message_templates_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text])))
);
CREATE INDEX message_templates_by_business ON message_templates USING btree (account_id, business_id) WHERE (business_id IS NOT NULL);
CREATE UNIQUE INDEX message_templates_by_name ON message_templates USING btree (account_id, template_name, channel, template_language, COALESCE(business_id, (0)::bigint));

create table move_fields (
    account_id bigint not null,
    move_id bigint not null,
    table_name text not null,
    field_name text not null,
    row_count bigint not null,
    constraint move_fields_pkey PRIMARY KEY (account_id, move_id, table_name, field_name),
    constraint move_fields_account_id_move_id_fkey FOREIGN KEY (account_id, move_id) REFERENCES account_moves(account_id, move_id) ON DELETE CASCADE
);

create table move_tables (
    account_id bigint not null,
    move_id bigint not null,
    table_name text not null,
    cursor text,
    is_done boolean not null default false,
    incomplete_days date[] not null default '{}'::date[],
    constraint move_tables_pkey PRIMARY KEY (account_id, move_id, table_name),
    constraint move_tables_account_id_move_id_fkey FOREIGN KEY (account_id, move_id) REFERENCES account_moves(account_id, move_id) ON DELETE CASCADE
);

create table moved_fans (
    account_id bigint not null,
    move_id bigint not null,
    foreign_id bigint not null,
    fan_id bigint,
    is_erased boolean not null default false,
    notes text[] not null default '{}'::text[],
    constraint moved_fans_pkey PRIMARY KEY (account_id, move_id, foreign_id),
    constraint moved_fans_account_id_move_id_fkey FOREIGN KEY (account_id, move_id) REFERENCES account_moves(account_id, move_id) ON DELETE CASCADE
);
CREATE INDEX moved_fans_by_fan ON moved_fans USING btree (account_id, fan_id);

create table moved_rows (
    account_id bigint not null,
    move_id bigint not null,
    table_name text not null,
    foreign_id text not null,
    own_id text,
    notes text[] not null default '{}'::text[],
    run_number integer not null default 1,
    content_hash bytea,
    constraint moved_rows_pkey PRIMARY KEY (account_id, move_id, table_name, foreign_id),
    constraint moved_rows_account_id_move_id_fkey FOREIGN KEY (account_id, move_id) REFERENCES account_moves(account_id, move_id) ON DELETE CASCADE
);

create table openid_client_secrets (
    account_id bigint not null,
    client_id bigint not null,
    secret_hash bytea not null,
    secret_prefix text not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone,
    constraint openid_client_secrets_pkey PRIMARY KEY (account_id, client_id, secret_hash),
    constraint openid_client_secrets_account_id_client_id_fkey FOREIGN KEY (account_id, client_id) REFERENCES openid_clients(account_id, client_id) ON DELETE CASCADE
);

create table openid_consents (
    account_id bigint not null,
    client_id bigint not null,
    fan_id bigint not null,
    subject text not null,
    scopes text[] not null,
    consented_at timestamp with time zone not null,
    withdrawn_at timestamp with time zone,
    constraint openid_consents_pkey PRIMARY KEY (account_id, client_id, fan_id),
    constraint openid_consents_account_id_client_id_fkey FOREIGN KEY (account_id, client_id) REFERENCES openid_clients(account_id, client_id) ON DELETE CASCADE,
    constraint openid_consents_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX openid_consents_by_fan ON openid_consents USING btree (account_id, fan_id);
CREATE UNIQUE INDEX openid_consents_by_subject ON openid_consents USING btree (account_id, client_id, subject);

create table openid_grants (
    account_id bigint not null,
    grant_id uuid not null,
    client_id bigint not null,
    fan_id bigint not null,
    session_id bigint not null,
    subject text not null,
    scopes text[] not null,
    nonce text,
    redirect_uri text not null,
    code_challenge text,
    code_hash bytea not null,
    code_used_at timestamp with time zone,
    refresh_hash bytea,
    authenticated_at timestamp with time zone,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    constraint openid_grants_pkey PRIMARY KEY (account_id, grant_id),
    constraint openid_grants_account_id_client_id_fkey FOREIGN KEY (account_id, client_id) REFERENCES openid_clients(account_id, client_id) ON DELETE CASCADE,
    constraint openid_grants_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX openid_grants_by_client ON openid_grants USING btree (account_id, client_id);
CREATE UNIQUE INDEX openid_grants_by_code ON openid_grants USING btree (account_id, code_hash);
CREATE INDEX openid_grants_by_end ON openid_grants USING btree (account_id, expires_at);
CREATE INDEX openid_grants_by_fan ON openid_grants USING btree (account_id, fan_id);

create table prop_counts (
    account_id bigint not null,
    prop_name text not null,
    counter_name text not null,
    part smallint not null,
    amount bigint not null,
    constraint prop_counts_pkey PRIMARY KEY (account_id, prop_name, counter_name, part),
    constraint prop_counts_account_id_prop_name_fkey FOREIGN KEY (account_id, prop_name) REFERENCES props(account_id, prop_name) ON DELETE CASCADE
);

create table redirect_urls (
    account_id bigint not null,
    redirect_url_id bigint not null,
    business_id bigint,
    redirect_url text not null,
    created_at timestamp with time zone not null,
    constraint redirect_urls_pkey PRIMARY KEY (account_id, redirect_url_id),
    constraint redirect_urls_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id) ON DELETE CASCADE,
    constraint redirect_urls_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE UNIQUE INDEX redirect_urls_by_url ON redirect_urls USING btree (account_id, redirect_url, COALESCE(business_id, (0)::bigint));

create table reports (
    account_id bigint not null,
    report_uid uuid not null,
    report_id bigint not null,
    report_name text not null,
    report_type text not null,
    start_date date,
    end_date date,
    options jsonb not null,
    business_id bigint,
    created_at timestamp with time zone not null,
    accessed_at timestamp with time zone,
    constraint reports_pkey PRIMARY KEY (account_id, report_uid),
    constraint reports_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id),
    constraint reports_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint reports_options_check CHECK ((jsonb_typeof(options) = 'object'::text))
);
CREATE UNIQUE INDEX reports_by_id ON reports USING btree (account_id, report_id);

create table segment_days (
    account_id bigint not null,
    filter_id bigint not null,
    counted_on date not null,
    entered_count bigint not null default 0,
    left_count bigint not null default 0,
    rebuilt_count bigint not null default 0,
    constraint segment_days_pkey PRIMARY KEY (account_id, filter_id, counted_on),
    constraint segment_days_account_id_filter_id_fkey FOREIGN KEY (account_id, filter_id) REFERENCES filters(account_id, filter_id) ON DELETE CASCADE
);

create table snapshot_members (
    account_id bigint not null,
    snapshot_uid uuid not null,
    fan_id bigint not null,
    constraint snapshot_members_pkey PRIMARY KEY (account_id, snapshot_uid, fan_id),
    constraint snapshot_members_account_id_snapshot_uid_fkey FOREIGN KEY (account_id, snapshot_uid) REFERENCES snapshots(account_id, snapshot_uid) ON DELETE CASCADE
);
CREATE INDEX snapshot_members_by_fan ON snapshot_members USING btree (account_id, fan_id);

create table stream_author_counts (
    account_id bigint not null,
    stream_id bigint not null,
    author_count bigint not null,
    constraint stream_author_counts_pkey PRIMARY KEY (account_id, stream_id),
    constraint stream_author_counts_account_id_stream_id_fkey FOREIGN KEY (account_id, stream_id) REFERENCES streams(account_id, stream_id) ON DELETE CASCADE
);

create table stream_authors (
    account_id bigint not null,
    author_id bigint not null,
    stream_id bigint not null,
    network text not null,
    author_key text not null,
    screen_name text,
    author_name text,
    author_url text,
    author_image_url text,
    picture_key text,
    author_status text not null,
    fan_id bigint,
    stored_count bigint not null,
    approved_count bigint not null,
    created_at timestamp with time zone not null,
    constraint stream_authors_pkey PRIMARY KEY (account_id, author_id),
    constraint stream_authors_account_id_stream_id_fkey FOREIGN KEY (account_id, stream_id) REFERENCES streams(account_id, stream_id) ON DELETE CASCADE
);
CREATE INDEX stream_authors_by_fan ON stream_authors USING btree (account_id, fan_id) WHERE (fan_id IS NOT NULL);
CREATE UNIQUE INDEX stream_authors_by_key ON stream_authors USING btree (account_id, stream_id, network, author_key);
CREATE INDEX stream_authors_by_picture ON stream_authors USING btree (account_id, picture_key) WHERE (picture_key IS NOT NULL);
CREATE INDEX stream_authors_by_shown_picture ON stream_authors USING btree (account_id, picture_key) WHERE ((picture_key IS NOT NULL) AND (approved_count > 0));
CREATE INDEX stream_authors_by_stream ON stream_authors USING btree (account_id, stream_id, author_id);
CREATE INDEX stream_authors_without_records ON stream_authors USING btree (account_id, author_id) WHERE ((stored_count = 0) AND (author_status = 'new'::text));

create table stream_days (
    account_id bigint not null,
    stream_id bigint not null,
    label_key text not null,
    record_date date not null,
    stored_count bigint not null,
    approved_count bigint not null,
    reach bigint not null,
    constraint stream_days_pkey PRIMARY KEY (account_id, stream_id, label_key, record_date),
    constraint stream_days_account_id_stream_id_fkey FOREIGN KEY (account_id, stream_id) REFERENCES streams(account_id, stream_id) ON DELETE CASCADE
);

create table stream_slices (
    account_id bigint not null,
    stream_id bigint not null,
    slice_position bigint not null,
    record_count integer not null,
    constraint stream_slices_pkey PRIMARY KEY (account_id, stream_id, slice_position),
    constraint stream_slices_account_id_stream_id_fkey FOREIGN KEY (account_id, stream_id) REFERENCES streams(account_id, stream_id) ON DELETE CASCADE
);

create table stream_sources (
    account_id bigint not null,
    source_id bigint not null,
    stream_id bigint not null,
    source_kind text not null,
    source_name text not null,
    settings jsonb not null,
    sealed_secret text,
    labels text[] not null,
    interval_minutes integer not null,
    is_enabled boolean not null,
    reading_state jsonb not null,
    next_at timestamp with time zone not null,
    last_read_at timestamp with time zone,
    last_success_at timestamp with time zone,
    fail_count integer not null,
    last_error text,
    created_at timestamp with time zone not null,
    constraint stream_sources_pkey PRIMARY KEY (account_id, source_id),
    constraint stream_sources_account_id_stream_id_fkey FOREIGN KEY (account_id, stream_id) REFERENCES streams(account_id, stream_id) ON DELETE CASCADE,
    constraint stream_sources_reading_state_check CHECK ((jsonb_typeof(reading_state) = 'object'::text)),
    constraint stream_sources_settings_check CHECK ((jsonb_typeof(settings) = 'object'::text))
);
CREATE INDEX stream_sources_by_stream ON stream_sources USING btree (account_id, stream_id, source_id);
CREATE INDEX stream_sources_by_time ON stream_sources USING btree (account_id, next_at) WHERE is_enabled;

create table tracker_shares (
    account_id bigint not null,
    event_id bigint not null,
    click_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    currency text not null,
    purchase_count numeric(16,4) not null,
    purchase_amount numeric(20,4) not null,
    constraint tracker_shares_pkey PRIMARY KEY (account_id, event_id, click_id),
    constraint tracker_shares_account_id_event_id_fkey FOREIGN KEY (account_id, event_id) REFERENCES tracker_events(account_id, event_id) ON DELETE CASCADE
);
CREATE INDEX tracker_shares_by_tracker ON tracker_shares USING btree (account_id, tracker_id);

create table webhook_deliveries (
    account_id bigint not null,
    delivery_id bigint not null,
    webhook_id bigint not null,
    position bigint not null,
    topic text not null,
    lane bigint not null,
    is_replay boolean not null default false,
    delivery_state text not null default 'waiting'::text,
    try_count integer not null default 0,
    due_at timestamp with time zone not null,
    created_at timestamp with time zone not null,
    tried_at timestamp with time zone,
    response_status integer,
    response_body text,
    failure text,
    duration_ms integer,
    constraint webhook_deliveries_pkey PRIMARY KEY (account_id, delivery_id),
    constraint webhook_deliveries_account_id_webhook_id_fkey FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, webhook_id) ON DELETE CASCADE,
    constraint webhook_deliveries_delivery_state_check CHECK ((delivery_state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text])))
);
CREATE INDEX webhook_deliveries_again ON webhook_deliveries USING btree (account_id, webhook_id, due_at) WHERE ((delivery_state = 'waiting'::text) AND (try_count > 0));
CREATE INDEX webhook_deliveries_by_lane ON webhook_deliveries USING btree (account_id, lane);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries USING btree (account_id, webhook_id, delivery_id);
CREATE INDEX webhook_deliveries_first ON webhook_deliveries USING btree (account_id, webhook_id, delivery_id) WHERE ((delivery_state = 'waiting'::text) AND (try_count = 0));
CREATE INDEX webhook_deliveries_lanes ON webhook_deliveries USING btree (account_id, webhook_id, lane) WHERE ((delivery_state = 'waiting'::text) AND (try_count > 0));

create table webhook_secrets (
    account_id bigint not null,
    webhook_id bigint not null,
    secret_id bigint not null,
    sealed_secret text not null,
    created_at timestamp with time zone not null,
    ends_at timestamp with time zone,
    constraint webhook_secrets_pkey PRIMARY KEY (account_id, webhook_id, secret_id),
    constraint webhook_secrets_account_id_webhook_id_fkey FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, webhook_id) ON DELETE CASCADE
);

create table ad_project_lines (
    account_id bigint not null,
    project_line_uid uuid not null,
    project_line_id bigint not null,
    project_uid uuid not null,
    line_name text not null,
    budget_amount numeric(16,4) not null,
    notes text not null,
    created_at timestamp with time zone not null,
    constraint ad_project_lines_pkey PRIMARY KEY (account_id, project_line_uid),
    constraint ad_project_lines_account_id_project_uid_fkey FOREIGN KEY (account_id, project_uid) REFERENCES ad_projects(account_id, project_uid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX ad_project_lines_by_project ON ad_project_lines USING btree (account_id, project_uid, project_line_id);

create table api_key_uses (
    account_id bigint not null,
    api_key uuid not null,
    used_at timestamp with time zone not null,
    constraint api_key_uses_pkey PRIMARY KEY (account_id, api_key),
    constraint api_key_uses_account_id_api_key_fkey FOREIGN KEY (account_id, api_key) REFERENCES api_keys(account_id, api_key) ON DELETE CASCADE
);

create table api_secrets (
    account_id bigint not null,
    api_key uuid not null,
    secret_hash bytea not null,
    secret_prefix text not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone,
    constraint api_secrets_pkey PRIMARY KEY (account_id, api_key, secret_hash),
    constraint api_secrets_account_id_api_key_fkey FOREIGN KEY (account_id, api_key) REFERENCES api_keys(account_id, api_key) ON DELETE CASCADE
);
CREATE UNIQUE INDEX api_secrets_by_hash ON api_secrets USING btree (secret_hash);

create table campaign_items (
    account_id bigint not null,
    tab_item_id bigint not null generated by default as identity,
    page_tab_id bigint not null,
    title text not null,
    subtitle text,
    description text,
    tag_id bigint,
    place integer not null default 0,
    active_on date,
    activated_at timestamp with time zone,
    props jsonb not null default '{}'::jsonb,
    item_count integer,
    items_purchased integer not null default 0,
    item_group_name text,
    price numeric(16,4),
    media_uid uuid,
    latitude double precision,
    longitude double precision,
    media_map jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint campaign_items_pkey PRIMARY KEY (account_id, tab_item_id),
    constraint campaign_items_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint campaign_items_account_id_tag_id_fkey FOREIGN KEY (account_id, tag_id) REFERENCES tags(account_id, tag_id) ON DELETE SET NULL (tag_id),
    constraint campaign_items_check CHECK ((items_purchased <= item_count)),
    constraint campaign_items_item_count_check CHECK ((item_count >= 0)),
    constraint campaign_items_items_purchased_check CHECK ((items_purchased >= 0)),
    constraint campaign_items_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    constraint campaign_items_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision))),
    constraint campaign_items_price_check CHECK ((price >= (0)::numeric)),
    constraint campaign_items_title_check CHECK ((title <> ''::text))
);
CREATE INDEX campaign_items_by_campaign ON campaign_items USING btree (account_id, page_tab_id, place, tab_item_id);

create table campaign_members (
    account_id bigint not null,
    page_tab_id bigint not null,
    member_page_tab_id bigint not null,
    place integer not null,
    constraint campaign_members_pkey PRIMARY KEY (account_id, page_tab_id, member_page_tab_id),
    constraint campaign_members_account_id_member_page_tab_id_fkey FOREIGN KEY (account_id, member_page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint campaign_members_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint campaign_members_check CHECK ((page_tab_id <> member_page_tab_id))
);

create table draws (
    account_id bigint not null,
    draw_id bigint not null,
    draw_uid uuid not null,
    page_tab_id bigint not null,
    draw_number integer not null,
    draw_name text,
    draw_state text not null,
    winner_count integer not null,
    reserve_count integer not null,
    entry_rule text not null,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    is_staff_excluded boolean not null,
    winners_excluded text not null,
    is_blocked_excluded boolean not null,
    public_source text,
    public_value text,
    seed_hash bytea not null,
    sealed_seed text,
    seed bytea,
    list_hash bytea,
    entry_count bigint,
    entrant_count bigint,
    excluded_staff_count bigint,
    excluded_winner_count bigint,
    excluded_blocked_count bigint,
    created_at timestamp with time zone not null,
    completed_at timestamp with time zone,
    constraint draws_pkey PRIMARY KEY (account_id, draw_id),
    constraint draws_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint draws_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint draws_draw_state_check CHECK ((draw_state = ANY (ARRAY['waiting'::text, 'completed'::text, 'withdrawn'::text]))),
    constraint draws_entry_rule_check CHECK ((entry_rule = ANY (ARRAY['one_per_fan'::text, 'every_entry'::text]))),
    constraint draws_reserve_count_check CHECK ((reserve_count >= 0)),
    constraint draws_winner_count_check CHECK ((winner_count > 0)),
    constraint draws_winners_excluded_check CHECK ((winners_excluded = ANY (ARRAY['none'::text, 'campaign'::text, 'account'::text])))
);
CREATE UNIQUE INDEX draws_by_campaign ON draws USING btree (account_id, page_tab_id, draw_number);
CREATE UNIQUE INDEX draws_by_uid ON draws USING btree (account_id, draw_uid);

create table import_batches (
    account_id bigint not null,
    import_id bigint not null,
    batch_number bigint not null,
    created_ids bigint[] not null,
    last_position bigint not null,
    fan_ids bigint[] not null default '{}'::bigint[],
    own_positions bigint[] not null default '{}'::bigint[],
    is_undone boolean not null default false,
    matched_ids bigint[] not null default '{}'::bigint[],
    matched_span int8range,
    constraint import_batches_pkey PRIMARY KEY (account_id, import_id, batch_number),
    constraint import_batches_account_id_import_id_fkey FOREIGN KEY (account_id, import_id) REFERENCES imports(account_id, import_id) ON DELETE CASCADE
);

create table import_faults (
    account_id bigint not null,
    import_id bigint not null,
    row_number bigint not null,
    row_offset bigint not null,
    faults jsonb not null,
    constraint import_faults_pkey PRIMARY KEY (account_id, import_id, row_number),
    constraint import_faults_account_id_import_id_fkey FOREIGN KEY (account_id, import_id) REFERENCES imports(account_id, import_id) ON DELETE CASCADE
);

create table import_fetches (
    account_id bigint not null,
    import_id bigint not null,
    etag text,
    object_bytes bigint,
    failure_count integer not null default 0,
    due_at timestamp with time zone not null,
    lease_ends_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
    constraint import_fetches_pkey PRIMARY KEY (account_id, import_id),
    constraint import_fetches_account_id_import_id_fkey FOREIGN KEY (account_id, import_id) REFERENCES imports(account_id, import_id) ON DELETE CASCADE
);
CREATE INDEX import_fetches_due ON import_fetches USING btree (due_at);

create table openid_tokens (
    account_id bigint not null,
    token_hash bytea not null,
    grant_id uuid not null,
    scopes text[] not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    constraint openid_tokens_pkey PRIMARY KEY (account_id, token_hash),
    constraint openid_tokens_account_id_grant_id_fkey FOREIGN KEY (account_id, grant_id) REFERENCES openid_grants(account_id, grant_id) ON DELETE CASCADE
);
CREATE INDEX openid_tokens_by_end ON openid_tokens USING btree (account_id, expires_at);
CREATE INDEX openid_tokens_by_grant ON openid_tokens USING btree (account_id, grant_id);

create table pass_sections (
    account_id bigint not null,
    section_uid uuid not null,
    page_tab_id bigint not null,
    section_name text not null,
    capacity integer,
    pass_count integer not null default 0,
    created_at timestamp with time zone not null,
    constraint pass_sections_pkey PRIMARY KEY (account_id, section_uid),
    constraint pass_sections_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint pass_sections_capacity_check CHECK ((capacity >= 0)),
    constraint pass_sections_check CHECK ((pass_count <= capacity)),
    constraint pass_sections_pass_count_check CHECK ((pass_count >= 0)),
    constraint pass_sections_section_name_check CHECK ((section_name <> ''::text))
);
CREATE UNIQUE INDEX pass_sections_by_name ON pass_sections USING btree (account_id, page_tab_id, fold_text(section_name));

create table performances (
    account_id bigint not null,
    performance_uid uuid not null,
    performance_name text not null,
    performance_date date not null,
    onsale_date date,
    announce_date date,
    status text not null default 'draft'::text,
    venue_uid uuid,
    venue_name text,
    display_venue_name text,
    city text,
    province text,
    country_code text,
    metro_area text,
    promoter text,
    artist_name text,
    additional_artist_names text[] not null default '{}'::text[],
    campaign_event_key text,
    performance_url text,
    buying_group text,
    performance_group_name text,
    label_name text,
    outlet text,
    vendor text,
    notes text,
    business_id bigint,
    referral_page_tab_id bigint,
    fb_ad_account_id text,
    fb_event_id text,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    point_uid uuid,
    constraint performances_pkey PRIMARY KEY (account_id, performance_uid),
    constraint performances_account_id_business_id_fkey FOREIGN KEY (account_id, business_id) REFERENCES businesses(account_id, business_id),
    constraint performances_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint performances_account_id_point_uid_fkey FOREIGN KEY (account_id, point_uid) REFERENCES points(account_id, point_uid),
    constraint performances_account_id_referral_page_tab_id_fkey FOREIGN KEY (account_id, referral_page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint performances_performance_name_check CHECK ((performance_name <> ''::text)),
    constraint performances_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'ready'::text, 'archived'::text])))
);
CREATE INDEX performances_by_date ON performances USING btree (account_id, performance_date, performance_uid);

create table report_links (
    account_id bigint not null,
    report_link_id bigint not null,
    report_uid uuid not null,
    link_hash bytea not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    constraint report_links_pkey PRIMARY KEY (account_id, report_link_id),
    constraint report_links_account_id_report_uid_fkey FOREIGN KEY (account_id, report_uid) REFERENCES reports(account_id, report_uid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX report_links_by_hash ON report_links USING btree (account_id, link_hash);
CREATE INDEX report_links_by_report ON report_links USING btree (account_id, report_uid);

create table stream_records (
    account_id bigint not null,
    feed_record_id bigint not null,
    stream_id bigint not null,
    source_id bigint,
    network text not null,
    record_key text not null,
    author_id bigint not null,
    fan_id bigint,
    record_status text not null,
    time_position bigint,
    approved_at timestamp with time zone,
    created_at timestamp with time zone not null,
    stored_at timestamp with time zone not null,
    caption text not null,
    record_url text,
    image_url text,
    picture_key text,
    video_url text,
    links jsonb not null,
    latitude double precision,
    longitude double precision,
    sku text,
    labels text[] not null,
    terms text[] not null,
    reach bigint not null,
    props jsonb not null,
    slice_position bigint,
    sender_key text,
    constraint stream_records_pkey PRIMARY KEY (account_id, feed_record_id),
    constraint stream_records_account_id_author_id_fkey FOREIGN KEY (account_id, author_id) REFERENCES stream_authors(account_id, author_id),
    constraint stream_records_account_id_stream_id_fkey FOREIGN KEY (account_id, stream_id) REFERENCES streams(account_id, stream_id) ON DELETE CASCADE,
    constraint stream_records_check CHECK (((time_position IS NOT NULL) = (record_status = 'approved'::text))),
    constraint stream_records_links_check CHECK ((jsonb_typeof(links) = 'array'::text)),
    constraint stream_records_props_check CHECK ((jsonb_typeof(props) = 'object'::text)),
    constraint stream_records_slice CHECK (((slice_position IS NOT NULL) = (time_position IS NOT NULL)))
);
CREATE INDEX stream_records_by_author ON stream_records USING btree (account_id, author_id, stored_at);
CREATE INDEX stream_records_by_day ON stream_records USING btree (account_id, stream_id, created_at, record_status);
CREATE INDEX stream_records_by_fan ON stream_records USING btree (account_id, fan_id) WHERE (fan_id IS NOT NULL);
CREATE INDEX stream_records_by_id ON stream_records USING btree (account_id, stream_id, feed_record_id);
CREATE UNIQUE INDEX stream_records_by_key ON stream_records USING btree (account_id, stream_id, network, record_key);
CREATE INDEX stream_records_by_picture ON stream_records USING btree (account_id, picture_key) WHERE (picture_key IS NOT NULL);
CREATE INDEX stream_records_by_place ON stream_records USING btree (account_id, ((- slice_position)), latitude, longitude) WHERE (latitude IS NOT NULL);
CREATE UNIQUE INDEX stream_records_by_position ON stream_records USING btree (account_id, stream_id, time_position) WHERE (time_position IS NOT NULL);
CREATE INDEX stream_records_by_sender ON stream_records USING btree (account_id, author_id, sender_key, stored_at) WHERE (sender_key IS NOT NULL);
CREATE INDEX stream_records_by_sender_time ON stream_records USING btree (account_id, stored_at) WHERE (sender_key IS NOT NULL);
CREATE INDEX stream_records_by_shown_picture ON stream_records USING btree (account_id, picture_key) WHERE ((picture_key IS NOT NULL) AND (record_status = 'approved'::text));
CREATE INDEX stream_records_by_source ON stream_records USING btree (account_id, source_id, created_at) WHERE (source_id IS NOT NULL);
CREATE INDEX stream_records_by_status ON stream_records USING btree (account_id, stream_id, record_status, feed_record_id) WHERE (record_status <> 'approved'::text);
CREATE INDEX stream_records_by_term ON stream_records USING gin (slice_position, terms) WITH (fastupdate=off) WHERE (slice_position IS NOT NULL);

create table trackers (
    account_id bigint not null,
    tracker_id bigint not null,
    host text not null,
    tracker_key text not null,
    tracker_name text not null,
    tracker_group_name text not null,
    tracker_marketing_group_name text,
    network text not null,
    target_url text not null,
    purchase_event_wildcard text,
    page_tab_id bigint,
    utm_params jsonb not null default '{}'::jsonb,
    is_click_id_passed boolean not null default true,
    password_hash text,
    expires_at timestamp with time zone,
    version integer not null default 1,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint trackers_pkey PRIMARY KEY (account_id, tracker_id),
    constraint trackers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
    constraint trackers_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id)
);
CREATE UNIQUE INDEX trackers_by_key ON trackers USING btree (account_id, host, tracker_key);
CREATE UNIQUE INDEX trackers_by_shared_key ON trackers USING btree (tracker_key) WHERE (host = ''::text);
CREATE INDEX trackers_by_wildcard ON trackers USING btree (account_id, tracker_id) WHERE (purchase_event_wildcard IS NOT NULL);

create table draw_entrants (
    account_id bigint not null,
    draw_id bigint not null,
    activity_id bigint not null,
    first_activity_id bigint not null,
    draw_place bigint,
    constraint draw_entrants_pkey PRIMARY KEY (account_id, draw_id, activity_id),
    constraint draw_entrants_account_id_draw_id_fkey FOREIGN KEY (account_id, draw_id) REFERENCES draws(account_id, draw_id)
);
CREATE UNIQUE INDEX draw_entrants_by_place ON draw_entrants USING btree (account_id, draw_id, draw_place) WHERE (draw_place IS NOT NULL);

create table draw_winners (
    account_id bigint not null,
    draw_id bigint not null,
    winner_number integer not null,
    winner_kind text not null,
    draw_place bigint not null,
    activity_id bigint not null,
    fan_id bigint,
    target_number integer,
    reason text,
    created_at timestamp with time zone not null,
    constraint draw_winners_pkey PRIMARY KEY (account_id, draw_id, winner_number),
    constraint draw_winners_account_id_draw_id_fkey FOREIGN KEY (account_id, draw_id) REFERENCES draws(account_id, draw_id),
    constraint draw_winners_winner_kind_check CHECK ((winner_kind = ANY (ARRAY['winner'::text, 'reserve'::text, 'strike'::text, 'replacement'::text, 'pass'::text])))
);
CREATE INDEX draw_winners_by_fan ON draw_winners USING btree (account_id, fan_id) WHERE (fan_id IS NOT NULL);
CREATE UNIQUE INDEX draw_winners_by_target ON draw_winners USING btree (account_id, draw_id, target_number) WHERE (winner_kind = 'strike'::text);

create table fan_performances (
    account_id bigint not null,
    fan_id bigint not null,
    performance_uid uuid not null,
    created_at timestamp with time zone not null,
    constraint fan_performances_pkey PRIMARY KEY (account_id, fan_id, performance_uid),
    constraint fan_performances_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE,
    constraint fan_performances_account_id_performance_uid_fkey FOREIGN KEY (account_id, performance_uid) REFERENCES performances(account_id, performance_uid) ON DELETE CASCADE
);
CREATE INDEX fan_performances_by_performance ON fan_performances USING btree (account_id, performance_uid);

create table idol_events (
    account_id bigint not null,
    event_uid uuid not null,
    idol_uid uuid not null,
    performance_uid uuid,
    event_name text,
    starts_at timestamp without time zone not null,
    ends_at timestamp without time zone,
    venue_name text,
    display_venue_name text,
    city text,
    province text,
    country_code text,
    event_url text,
    ticket_url text,
    label_name text,
    media_uid uuid,
    image_url text,
    is_available boolean not null default true,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    constraint idol_events_pkey PRIMARY KEY (account_id, event_uid),
    constraint idol_events_account_id_idol_uid_fkey FOREIGN KEY (account_id, idol_uid) REFERENCES idols(account_id, idol_uid) ON DELETE CASCADE,
    constraint idol_events_account_id_performance_uid_fkey FOREIGN KEY (account_id, performance_uid) REFERENCES performances(account_id, performance_uid) ON DELETE SET NULL (performance_uid),
    constraint idol_events_check CHECK ((ends_at >= starts_at))
);
CREATE INDEX idol_events_by_idol ON idol_events USING btree (account_id, idol_uid, starts_at);
CREATE INDEX idol_events_by_performance ON idol_events USING btree (account_id, performance_uid, starts_at);
CREATE INDEX idol_events_by_time ON idol_events USING btree (account_id, starts_at, event_uid);

create table passes (
    account_id bigint not null,
    pass_uid uuid not null,
    pass_id bigint not null,
    pass_code text not null,
    page_tab_id bigint not null,
    section_uid uuid,
    fan_id bigint,
    claim_fan_id bigint,
    claimed_at timestamp with time zone,
    transferred_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    checked_in_at timestamp with time zone,
    gate_name text,
    check_in_key text,
    scan_key bigint,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    event_key text,
    constraint passes_pkey PRIMARY KEY (account_id, pass_uid),
    constraint passes_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint passes_account_id_section_uid_fkey FOREIGN KEY (account_id, section_uid) REFERENCES pass_sections(account_id, section_uid),
    constraint passes_pass_code_check CHECK ((length(pass_code) = 8))
);
CREATE INDEX passes_by_campaign ON passes USING btree (account_id, page_tab_id, pass_id);
CREATE INDEX passes_by_claimant ON passes USING btree (account_id, claim_fan_id) WHERE (claim_fan_id IS NOT NULL);
CREATE UNIQUE INDEX passes_by_code ON passes USING btree (account_id, pass_code);
CREATE INDEX passes_by_event ON passes USING btree (account_id, event_key) WHERE (event_key IS NOT NULL);
CREATE INDEX passes_by_fan ON passes USING btree (account_id, fan_id) WHERE (fan_id IS NOT NULL);
CREATE INDEX passes_in_order ON passes USING btree (account_id, pass_id);

create table quests (
    account_id bigint not null,
    page_tab_id bigint not null,
    performance_uid uuid,
    quest_type text not null,
    target_page_tab_id bigint,
    site_name text,
    site_key text,
    scan_group_names text[] not null default '{}'::text[],
    scan_group_keys text[] not null default '{}'::text[],
    link_url text,
    is_required boolean not null,
    access_restriction_type text not null,
    fan_points_required bigint,
    point_uid uuid,
    reward_type text,
    fan_points_reward bigint,
    button_text text,
    quest_description text,
    atvenu_sales_event_key text,
    atvenu_promo_key text,
    bestring_location_group_id text,
    bestring_promotion_id text,
    start_date date,
    end_date date,
    starts_at timestamp with time zone not null,
    ends_at timestamp with time zone not null,
    target_count bigint not null,
    created_at timestamp with time zone not null,
    constraint quests_pkey PRIMARY KEY (account_id, page_tab_id),
    constraint quests_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint quests_account_id_performance_uid_fkey FOREIGN KEY (account_id, performance_uid) REFERENCES performances(account_id, performance_uid) ON DELETE SET NULL (performance_uid),
    constraint quests_account_id_point_uid_fkey FOREIGN KEY (account_id, point_uid) REFERENCES points(account_id, point_uid),
    constraint quests_account_id_target_page_tab_id_fkey FOREIGN KEY (account_id, target_page_tab_id) REFERENCES campaigns(account_id, page_tab_id),
    constraint quests_access_restriction_type_check CHECK ((access_restriction_type = ANY (ARRAY['none'::text, 'points'::text, 'quests'::text]))),
    constraint quests_fan_points_reward_check CHECK ((fan_points_reward > 0)),
    constraint quests_quest_type_check CHECK ((quest_type = ANY (ARRAY['campaign'::text, 'scan'::text, 'link'::text, 'points'::text, 'registration'::text, 'check_in'::text]))),
    constraint quests_target_count_check CHECK ((target_count > 0))
);
CREATE INDEX quests_by_performance ON quests USING btree (account_id, performance_uid, page_tab_id) WHERE (performance_uid IS NOT NULL);
CREATE INDEX quests_by_point ON quests USING btree (account_id, point_uid) WHERE (performance_uid IS NOT NULL);
CREATE INDEX quests_by_target ON quests USING btree (account_id, quest_type, target_page_tab_id, ends_at) WHERE (performance_uid IS NOT NULL);

create table rewards (
    account_id bigint not null,
    reward_uid uuid not null,
    performance_uid uuid,
    reward_title text not null,
    reward_type text not null,
    fan_points_required bigint not null,
    point_uid uuid,
    atvenu_sales_event_key text,
    atvenu_promo_key text,
    bestring_location_group_id text,
    bestring_promotion_id text,
    stock bigint,
    claim_limit bigint not null,
    code_type text not null,
    claim_count bigint not null default 0,
    created_at timestamp with time zone not null,
    constraint rewards_pkey PRIMARY KEY (account_id, reward_uid),
    constraint rewards_account_id_performance_uid_fkey FOREIGN KEY (account_id, performance_uid) REFERENCES performances(account_id, performance_uid) ON DELETE SET NULL (performance_uid),
    constraint rewards_account_id_point_uid_fkey FOREIGN KEY (account_id, point_uid) REFERENCES points(account_id, point_uid),
    constraint rewards_check CHECK (((claim_count >= 0) AND (claim_count <= stock))),
    constraint rewards_claim_limit_check CHECK ((claim_limit > 0)),
    constraint rewards_code_type_check CHECK ((code_type = ANY (ARRAY['none'::text, 'uploaded'::text, 'generated'::text]))),
    constraint rewards_fan_points_required_check CHECK ((fan_points_required >= 0)),
    constraint rewards_reward_title_check CHECK ((reward_title <> ''::text))
);
CREATE INDEX rewards_by_performance ON rewards USING btree (account_id, performance_uid, created_at, reward_uid) WHERE (performance_uid IS NOT NULL);

create table tracker_click_days (
    account_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    human_count bigint not null default 0,
    head_count bigint not null default 0,
    prefetch_count bigint not null default 0,
    preview_count bigint not null default 0,
    bot_count bigint not null default 0,
    datacentre_count bigint not null default 0,
    repeated_count bigint not null default 0,
    constraint tracker_click_days_pkey PRIMARY KEY (account_id, tracker_id, figure_date),
    constraint tracker_click_days_account_id_tracker_id_fkey FOREIGN KEY (account_id, tracker_id) REFERENCES trackers(account_id, tracker_id) ON DELETE CASCADE
) with (fillfactor=50);

create table tracker_sale_days (
    account_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    currency text not null,
    purchase_count numeric(16,4) not null,
    purchase_amount numeric(20,4) not null,
    constraint tracker_sale_days_pkey PRIMARY KEY (account_id, tracker_id, figure_date, currency),
    constraint tracker_sale_days_account_id_tracker_id_fkey FOREIGN KEY (account_id, tracker_id) REFERENCES trackers(account_id, tracker_id) ON DELETE CASCADE
) with (fillfactor=50);

create table ended_pass_codes (
    account_id bigint not null,
    pass_code text not null,
    pass_uid uuid not null,
    ended_at timestamp with time zone not null,
    constraint ended_pass_codes_pkey PRIMARY KEY (account_id, pass_code),
    constraint ended_pass_codes_account_id_pass_uid_fkey FOREIGN KEY (account_id, pass_uid) REFERENCES passes(account_id, pass_uid)
);

create table fan_events (
    account_id bigint not null,
    fan_id bigint not null,
    event_uid uuid not null,
    created_at timestamp with time zone not null,
    constraint fan_events_pkey PRIMARY KEY (account_id, fan_id, event_uid),
    constraint fan_events_account_id_event_uid_fkey FOREIGN KEY (account_id, event_uid) REFERENCES idol_events(account_id, event_uid) ON DELETE CASCADE,
    constraint fan_events_account_id_fan_id_fkey FOREIGN KEY (account_id, fan_id) REFERENCES fans(account_id, fan_id) ON DELETE CASCADE
);
CREATE INDEX fan_events_by_event ON fan_events USING btree (account_id, event_uid);

create table quest_requirements (
    account_id bigint not null,
    page_tab_id bigint not null,
    required_page_tab_id bigint not null,
    constraint quest_requirements_pkey PRIMARY KEY (account_id, page_tab_id, required_page_tab_id),
    constraint quest_requirements_account_id_page_tab_id_fkey FOREIGN KEY (account_id, page_tab_id) REFERENCES quests(account_id, page_tab_id),
    constraint quest_requirements_account_id_required_page_tab_id_fkey FOREIGN KEY (account_id, required_page_tab_id) REFERENCES quests(account_id, page_tab_id),
    constraint quest_requirements_check CHECK ((required_page_tab_id < page_tab_id))
);
CREATE INDEX quest_requirements_by_required ON quest_requirements USING btree (account_id, required_page_tab_id);

create table reward_claims (
    account_id bigint not null,
    reward_claim_id bigint not null,
    reward_uid uuid not null,
    fan_id bigint not null,
    point_count bigint not null,
    reward_code text,
    claim_key text,
    created_at timestamp with time zone not null,
    undone_at timestamp with time zone,
    code_hash bytea,
    constraint reward_claims_pkey PRIMARY KEY (account_id, reward_claim_id),
    constraint reward_claims_account_id_reward_uid_fkey FOREIGN KEY (account_id, reward_uid) REFERENCES rewards(account_id, reward_uid)
);
CREATE UNIQUE INDEX reward_claims_by_code ON reward_claims USING btree (account_id, reward_uid, code_hash) WHERE (code_hash IS NOT NULL);
CREATE INDEX reward_claims_by_fan ON reward_claims USING btree (account_id, fan_id, reward_claim_id);
CREATE INDEX reward_claims_by_reward ON reward_claims USING btree (account_id, reward_uid, reward_claim_id);

create table reward_codes (
    account_id bigint not null,
    reward_uid uuid not null,
    reward_code text not null,
    constraint reward_codes_pkey PRIMARY KEY (account_id, reward_uid, reward_code),
    constraint reward_codes_account_id_reward_uid_fkey FOREIGN KEY (account_id, reward_uid) REFERENCES rewards(account_id, reward_uid)
);
